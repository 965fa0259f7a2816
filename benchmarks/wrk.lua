-- wrk -d Ns -s wrk.lua URL -- plain|browser N [gzip|many]
--
-- Sends what a browser sends, takes gzip, or asks for another thing each time, when asked to. Stops asking shortly before wrk stops: wrk
-- closes its connections with a request under way on each, an exchange that no proxy can finish, and 32 of them are 0.3 % of a short block.
-- Ends with one line of JSON, since wrk's own summary rounds to two digits.

local ffi = require("ffi")
ffi.cdef "typedef struct { long seconds; long nanoseconds; } instant; int clock_gettime(int, instant *);"

local QUIET = 0.1
local MONOTONIC = 1
local instant = ffi.new("instant")
local asking_ends = 0

local function now()
  ffi.C.clock_gettime(MONOTONIC, instant)
  return tonumber(instant.seconds) + tonumber(instant.nanoseconds) / 1e9
end

local browser = {
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
  ["Accept"] = "application/json, text/plain, */*",
  ["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8",
  ["Accept-Encoding"] = "gzip, deflate, br, zstd",
  ["Cache-Control"] = "no-cache",
  ["Cookie"] = "sid=9f1c2b7e6a5d4f3c8b7a6958473625140; theme=dark; consent=1; _ga=GA1.1.1234567890.1718000000",
  ["Referer"] = "http://shop.example/catalogue?page=3&sort=price",
  ["Sec-Ch-Ua"] = '"Chromium";v="126", "Not A Brand";v="24"',
  ["Sec-Ch-Ua-Mobile"] = "?0",
  ["Sec-Ch-Ua-Platform"] = '"Linux"',
  ["Sec-Fetch-Dest"] = "empty",
  ["Sec-Fetch-Mode"] = "cors",
  ["Sec-Fetch-Site"] = "same-origin",
}

function init(args)
  if args[1] == "browser" then
    for name, value in pairs(browser) do wrk.headers[name] = value end
  end
  if args[3] == "gzip" then wrk.headers["Accept-Encoding"] = "gzip" end
  if args[3] == "many" then
    -- Begins anywhere, so that a thing that was asked for in one block isn't in the next.
    math.randomseed(now() * 1000)
    local asked = math.random(100000000, 899999999)
    request = function()
      asked = asked + 1
      return wrk.format(nil, wrk.path .. "?n=" .. asked)
    end
  end
  asking_ends = now() + tonumber(args[2]) - QUIET
end

-- Milliseconds until a connection asks again.
function delay()
  if now() < asking_ends then return 0 end
  return 60000
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"asking_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"socket_errors":%d,"status_errors":%d}\n',
    summary.requests, summary.duration - QUIET * 1e6, latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write + e.timeout, e.status))
end
