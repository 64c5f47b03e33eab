import type { ArenaPlace, Create, SentName, Thread } from '@multiproc/core'
import { ArenaHome, type Home, NamedHome } from './home.ts'

/** The layout version of every block of this package, and the last character of its magic numbers. */
export const LOCK_VERSION = '1'

/** The numbers a block is made with, which all who meet at its name must agree on; undefined: not given, any will do. */
export type Parameters = readonly (number | undefined)[]

/** Which block, and how to make one. */
export interface BlockKind {
  readonly noun: string
  /** Its first word, so that a handle never reads another one's words as its own. */
  readonly magic: number
  /** How many bytes its own words take. The first parameter is kept beside them, as `policy`. */
  bytes(parameters: Parameters): number
  /** Fills them, which are zero, before anybody else can see them. */
  format?(words: Int32Array, body: number, parameters: Parameters): void
  /** The one that names the holder of a lock, if there is one. */
  readonly lockWord?: number
}

/** What every primitive can be given: a name, by which unrelated programs of one user meet. */
export interface NameOptions {
  /** 1 to 100 of `A-Z a-z 0-9 . _ -`. Whoever of this user opens it has the same object. Linux only. */
  readonly name?: string | undefined
  /** With a name: true (default) opens or creates, false opens only, `'exclusive'` creates only. */
  readonly create?: Create | undefined
}

/**
 * What a primitive is in this thread: one for all handles that its code has on the same primitive. Its words lie in the
 * family's arena, or in a file if it has a name.
 */
export abstract class SharedBlock {
  readonly home: Home
  readonly thread: Thread
  readonly policy: number
  protected readonly words: Int32Array
  /** Word index of the kind's own words. */
  protected readonly body: number
  #handles = 0

  constructor(home: Home) {
    this.home = home
    this.thread = home.thread
    this.policy = home.policy
    this.words = home.words
    this.body = home.body
    ofThisThread.set(home.key, this)
  }

  /** A new block, or that of its name; this thread's own, if it has that already. */
  static make<B extends SharedBlock>(type: new (home: Home) => B, kind: BlockKind, call: string, parameters: Parameters, options: NameOptions | undefined): B {
    const { name, create = true } = options ?? {}
    if (name === undefined) return new type(ArenaHome.create(kind, parameters))
    const known = ofThisThread.get(NamedHome.keyOf(name))
    if (known === undefined) return new type(NamedHome.open(kind, call, parameters, name, create))
    ;(known.home as NamedHome).checkSame(kind, call, parameters, create)
    return known as B
  }

  /** The block that a message told of. The message's flight keeps it alive during the call. */
  static received<B extends SharedBlock>(type: new (home: Home) => B, kind: BlockKind, place: ArenaPlace, extra: unknown): B {
    const sent = extra as SentName | undefined
    const known = ofThisThread.get(sent === undefined ? place.offset : NamedHome.keyOf(sent.name))
    if (known?.home.is(place)) return known as B
    return new type(sent === undefined ? ArenaHome.attach(kind, place) : NamedHome.arrive(kind, sent))
  }

  get isNamed(): boolean {
    return this.home instanceof NamedHome
  }

  /** How it travels: for `reduce`. What it has as `extra` is for `received`. */
  sent(): ReturnType<Home['sent']> {
    return this.home.sent()
  }

  /** All that have a handle. */
  liveThreads(): readonly number[] {
    return this.home.liveThreads()
  }

  /** One more handle of this thread, or call at work, stands for the block. */
  retain(): void {
    if (this.#handles++ > 0) return
    this.home.join()
    this.joined()
  }

  /** One less. With the last one this thread leaves; with the last thread the block goes. */
  release(): void {
    if (--this.#handles > 0) return
    this.giveUp()
    if (ofThisThread.get(this.home.key) === this) ofThisThread.delete(this.home.key)
    this.home.leave()
  }

  /**
   * A handle was dropped without `close()`. A thread that holds something keeps it all the same, as a program that holds a
   * lock until its end may do; what is left of it goes when the thread ends.
   */
  dropped(): void {
    if (this.#handles === 1 && this.isHeld) return
    this.release()
  }

  /** False once the last handle of this thread was closed: then the memory may be another's. */
  get isJoined(): boolean {
    return this.#handles > 0
  }

  /** Whether this thread holds the lock, or permits. */
  get isHeld(): boolean {
    return false
  }

  /** This thread holds the block now: waiters that watch all holders must look who they are. */
  protected joined(): void {}

  /** Before this thread leaves: gives back what it holds. */
  protected giveUp(): void {}
}

/** By the arena offset, or the name. */
const ofThisThread = new Map<number | string, SharedBlock>()
