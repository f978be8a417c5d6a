-- As replay.lua, but each connection waits DELAY_MS between an answer and its next request, so that the
-- load is a rate and not all that fits. Arguments: the file of requests, the delay.
local requests, next_request, delay_ms = {}, 0, 0

function init(args)
  delay_ms = tonumber(args[2])
  for line in io.lines(args[1]) do
    local method, target, fields, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    for name, value in fields:gmatch("([^|:]+): ([^|]*)") do headers[name] = value end
    requests[#requests + 1] = wrk.format(method, target, headers, body)
  end
end

function delay()
  return delay_ms
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end
