-- For wrk: asks with one cookie after the other. Arguments: method, path, file of cookies.
local requests, next_one = {}, 0

function init(args)
  for cookie in io.lines(args[3]) do
    requests[#requests + 1] = wrk.format(args[1], args[2], { ["Cookie"] = cookie })
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end
