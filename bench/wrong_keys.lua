-- Arguments: a file of requests, one a line (the token, a tab and the body), which are sent in turn; and how many
-- milliseconds each connection waits before it sends.
local requests, sent, pause = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do
    local token, body = line:match("^(%S+)\t(.*)$")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
  pause = tonumber(args[2])
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

function delay()
  return pause
end

function done(summary)
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "refused": %d}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status
  ))
end
