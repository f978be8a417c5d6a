"""Functions for distributed training, which here always runs on one machine."""


def wait_hostname_resolution(sm_hosts):
    """Nothing to wait for: this is the only host."""


def rabit_run(exec_fun, args, include_in_training, hosts, current_host, first_port=None, second_port=None,
              max_connect_attempts=None, connect_retry_timeout=3, update_rabit_args=False):
    if len(hosts) > 1:
        raise NotImplementedError("training on several hosts is not implemented by Tidemill")
    if not include_in_training:
        return
    if update_rabit_args:
        args.update({"is_master": True})
    exec_fun(**args)
