-- The order of sending.

-- Reserves the next `n` sequences and answers the one before them. A lost counter continues at the present instant,
-- above all sequences. `had_jobs`: whether the namespace had jobs before.
local function next_sequences(n, had_jobs)
  local last = call('INCRBY', P .. 'sequence', n)
  if last == n and had_jobs then
    last = now + n
    call_unchecked('SET', P .. 'sequence', int(last))
    report('mended', 'sequence')
  end
  return last - n
end
