-- Arguments: a file of requests, one a line (the token, a tab and the body); the run's own letters; `checked` where
-- answers are to be looked into; and what each of these must have.
-- The lines are sent in turn; where a body has the marker, each with a number of its own in the marker's place.
local marker = "uniquesitenumber"
local requests, sent, wrong = {}, 0, 0

local function read(path)
  for line in io.lines(path) do
    local token, body = line:match("^(%S+)\t(.*)$")
    local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
    requests[#requests + 1] = { headers = headers, body = body }
  end
end

-- wrk formats this one once, and calls nothing for each request.
local function send_one(each)
  wrk.method, wrk.body = "POST", each.body
  for name, value in pairs(each.headers) do
    wrk.headers[name] = value
  end
end

local function send_in_turn(run)
  local parts = {}
  for place, each in ipairs(requests) do
    local text = wrk.format("POST", nil, each.headers, each.body)
    local from, to = text:find(marker, 1, true)
    parts[place] = from and { text:sub(1, from - 1), text:sub(to + 1) } or { text }
  end
  local number = "%s" .. run .. "%0" .. (#marker - #run) .. "d%s"
  function request()
    sent = sent + 1
    local part = parts[sent % #parts + 1]
    return part[2] and number:format(part[1], sent, part[2]) or part[1]
  end
end

local function check(wanted)
  function response(status, _, body)
    if status ~= 200 or body:find('"errors"', 1, true) or not body:find(wanted, 1, true) then
      wrong = wrong + 1
      wrk.thread:set("wrong", wrong)
    end
  end
end

local threads = {}
function setup(thread)
  thread:set("wrong", 0)
  threads[#threads + 1] = thread
end

function init(args)
  read(args[1])
  if #requests > 1 or requests[1].body:find(marker, 1, true) then
    send_in_turn(args[2])
  else
    send_one(requests[1])
  end
  if args[3] == "checked" then
    check(args[4])
  end
end

function done(summary, latency)
  local found = 0
  for _, thread in ipairs(threads) do
    found = found + thread:get("wrong")
  end
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.4f, "p99_ms": %.4f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, math.max(failed, found)
  ))
end
