import type { Connection } from '@multiproc/pipe'

/** Sends everything back; after `{ expect: n }` swallows n messages and answers once. */
export async function echo(connection: Connection): Promise<void> {
  let expected = 0
  for await (const message of connection) {
    if (hasExpect(message)) expected = message.expect
    else if (expected === 0) await connection.send(message)
    else if (--expected === 0) await connection.send('done')
  }
}

function hasExpect(message: unknown): message is { expect: number } {
  return typeof message === 'object' && message !== null && 'expect' in message
}
