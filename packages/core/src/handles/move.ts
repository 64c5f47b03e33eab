/** A handle on its way to another owner. */
export class Moved<H extends object = object> {
  readonly handle: H
  constructor(handle: H) {
    this.handle = handle
  }
}

/**
 * Gives a handle away with the message it is put in: the sender's is closed once the message was published, not when
 * sending failed. Without it, sending duplicates a handle.
 *
 * @example await connection.send({ job, reply: move(replyEnd) })
 */
export function move<H extends object & { close(): void }>(handle: H): H {
  return new Moved(handle) as unknown as H
}
