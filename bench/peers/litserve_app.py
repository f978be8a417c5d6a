"""LitServe around the churn model: two workers, two API servers. `python litserve_app.py PORT`."""
import os
import sys

import litserve
import numpy
import xgboost


class Churn(litserve.LitAPI):
    def setup(self, device):
        self.booster = xgboost.Booster()
        self.booster.load_model(os.environ["MODEL_PATH"])
        self.booster.set_param({"nthread": 1})

    def decode_request(self, request):
        return numpy.array(request["rows"], dtype=numpy.float32)

    def predict(self, rows):
        return self.booster.inplace_predict(rows)

    def encode_response(self, output):
        return [float(s) for s in output]


if __name__ == "__main__":
    server = litserve.LitServer(Churn(api_path="/invocations"), accelerator="cpu", workers_per_device=2)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=2, log_level="warning", generate_client_file=False)
