-- At `maxmemory` Redis refuses a script's first write if it may need memory, and none after the first. A script
-- that helps to drain a full server begins with a removal, if only of nothing.
call_unchecked('DEL', P .. 'nothing')
