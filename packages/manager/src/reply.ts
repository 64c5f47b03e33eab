import { RemoteError, ServerLostError } from '@multiproc/core'

/** How a call ended. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown }

export function valueOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

let replyCount = 0

/**
 * The result of a call, as a promise that knows whether anybody asked for it. A failure that nobody awaits is not lost: it
 * rejects the next awaited call of the same proxy, as its cause; if there is none before the event loop has nothing left to
 * do, it is an unhandled rejection.
 *
 * State        set by                            legal next
 *   open       the call                          ended
 *   ended      `settle`: the reply came          delivered; an error that nobody awaits waits in `failures` meanwhile
 *   delivered  the first `then` after that, or `giveUp`: the promise itself is settled
 */
export class Reply<T> extends Promise<T> {
  /** Replies are numbered by their calls, in this thread. */
  readonly number = ++replyCount
  #deliver: (outcome: Outcome) => void
  #outcome: Outcome | undefined
  #failures: Failures | undefined
  #awaited = false
  #delivered = false

  /** What `then` makes is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  constructor(executor: (resolve: (value: T | PromiseLike<T>) => void, reject: (reason: unknown) => void) => void) {
    let deliver!: (outcome: Outcome) => void
    super((resolve, reject) => {
      deliver = (outcome) => ('error' in outcome ? reject(outcome.error) : resolve(outcome.value as T))
      executor(resolve, reject)
    })
    this.#deliver = deliver
  }

  /** A reply to come; `failures` are those of its proxy. */
  static open<T>(failures: Failures): Reply<T> {
    const reply = new Reply<T>(() => {})
    reply.#failures = failures
    return reply
  }

  settle(outcome: Outcome): void {
    this.#outcome = outcome
    if (this.#awaited) this.#end()
    else if ('error' in outcome) this.#failures?.add(this)
  }

  override then<A = T, B = never>(fulfilled?: ((value: T) => A | PromiseLike<A>) | null, rejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<A | B> {
    this.#awaited = true
    if (this.#outcome !== undefined) this.#end()
    return super.then(fulfilled, rejected)
  }

  /** How it ended; only for one in `failures`. */
  get error(): unknown {
    return (this.#outcome as { error: unknown }).error
  }

  /** Nobody asked: the promise rejects, unhandled. */
  giveUp(): void {
    this.#delivered = true
    this.#deliver(this.#outcome as Outcome)
  }

  #end(): void {
    if (this.#delivered) return
    this.#delivered = true
    const outcome = this.#outcome as Outcome
    this.#failures?.remove(this)
    this.#deliver(this.#failures?.told(outcome, this.number) ?? outcome)
  }
}

/** The failed calls of one proxy that nobody has awaited so far, oldest first. */
export class Failures {
  readonly #noun: string
  readonly #replies = new Set<Reply<unknown>>()

  constructor(noun: string) {
    this.#noun = noun
  }

  add(reply: Reply<unknown>): void {
    this.#replies.add(reply)
    if (unreported.size === 0) process.once('beforeExit', reportAll)
    unreported.add(this)
  }

  remove(reply: Reply<unknown>): void {
    this.#replies.delete(reply)
    this.#forgetIfEmpty()
  }

  /**
   * What the caller of a later call, the one of that number, is told: its own outcome, unless an earlier failure still has to be told. An error of its
   * own says more than that, which then waits for the next one; but if it is that the server is gone, nothing is left to say,
   * and if it is that the object is not there, what made it that is told.
   */
  told(outcome: Outcome, number = Infinity): Outcome {
    const [first] = this.#replies
    if (first === undefined || first.number > number) return outcome
    if ('error' in outcome) {
      if (outcome.error instanceof ServerLostError) this.#clear()
      if (isMissing(outcome.error)) {
        this.remove(first)
        return { error: first.error }
      }
      return outcome
    }
    this.remove(first)
    return { error: earlierCall(this.#noun, first.error) }
  }

  report(): void {
    for (const reply of this.#replies) reply.giveUp()
    this.#replies.clear()
  }

  #clear(): void {
    this.#replies.clear()
    this.#forgetIfEmpty()
  }

  #forgetIfEmpty(): void {
    if (this.#replies.size > 0) return
    unreported.delete(this)
    if (unreported.size === 0) process.off('beforeExit', reportAll)
  }
}

const unreported = new Set<Failures>()

function reportAll(): void {
  for (const failures of unreported) failures.report()
  unreported.clear()
}

function isMissing(error: unknown): boolean {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: { object?: unknown } }
  return code === 'ERR_MULTIPROC_NOT_FOUND' && details?.object !== undefined
}

function earlierCall(noun: string, cause: unknown): RemoteError {
  const { name: originalName, message, stack: remoteStack } = cause instanceof Error ? cause : new Error(String(cause))
  return new RemoteError(`an earlier call of this ${noun}, which nobody awaited, failed: ${message} (see cause). The call that was awaited now was done. Await each call that may fail.`, {
    cause, originalName, remoteStack: remoteStack ?? '',
  })
}
