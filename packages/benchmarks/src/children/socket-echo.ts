import { connect } from 'node:net'
import { readLines } from './json-lines.ts'

const socket = connect(process.argv[2]!)
let expected = 0
readLines(socket, (message) => {
  const { expect } = message as { expect?: number }
  if (expect) expected = expect
  else if (expected === 0) socket.write(`${JSON.stringify(message)}\n`)
  else if (--expected === 0) socket.write('"done"\n')
})
socket.on('close', () => process.exit())
socket.on('error', () => process.exit())
