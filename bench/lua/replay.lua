-- Replays the requests of a file, one a line: METHOD <tab> TARGET <tab> Name: value|Name: value <tab> BODY
-- Made ready before the clock runs, so that the load generator costs as little as it can.
local requests, next_request = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, target, fields, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    for name, value in fields:gmatch("([^|:]+): ([^|]*)") do headers[name] = value end
    requests[#requests + 1] = wrk.format(method, target, headers, body)
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end
