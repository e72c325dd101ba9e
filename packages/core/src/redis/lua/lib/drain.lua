-- At `maxmemory`, Redis refuses a script whose first write may need memory, but no later writes. So a script that helps
-- to drain a full server begins with a removal.
call_unchecked('DEL', P .. 'nothing')
