let expected = 0
process.on('message', (message: { expect?: number }) => {
  if (message.expect) expected = message.expect
  else if (expected === 0) process.send!(message)
  else if (--expected === 0) process.send!('done')
})
process.on('disconnect', () => process.exit())
