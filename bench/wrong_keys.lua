-- Arguments: a file of tokens, one a line; the body of each request; and how many milliseconds each connection waits
-- before it sends. The tokens are sent in turn.
local requests, sent, pause = {}, 0, 0

function init(args)
  for token in io.lines(args[1]) do
    local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
    requests[#requests + 1] = wrk.format("POST", nil, headers, args[2])
  end
  pause = tonumber(args[3])
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
