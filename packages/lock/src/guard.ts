/** A lock that is held, as `hold()` returns it. Write `using guard = await lock.hold()`, or release it in a `finally`. */
export class LockGuard implements Disposable {
  /** True if the last holder died while holding the lock: what it protects may be half done. */
  readonly abandoned: boolean
  #release: (() => void) | undefined

  constructor(abandoned: boolean, release: () => void) {
    this.abandoned = abandoned
    this.#release = release
  }

  /** Releases the lock. A second call does nothing. @throws ERR_MULTIPROC_NOT_OWNER if somebody released it behind this guard. */
  release(): void {
    const release = this.#release
    this.#release = undefined
    release?.()
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
