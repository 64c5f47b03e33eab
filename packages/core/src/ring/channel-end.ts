import type { Handle } from '../arena/block.ts'
import { WAITS_ASYNC, WAITS_SYNC, type WaitKind } from '../contracts/agent.ts'
import type { Thread } from '../contracts/thread.ts'
import type { Holders } from '../handles/holders.ts'
import { PollBudget } from '../parking/spin.ts'
import { settle, settleSync, type Turn } from '../parking/turn.ts'
import { wakeAll } from '../parking/wait.ts'
import type { Waiters } from '../parking/waiters.ts'
import { channelBytes, type ChannelShape, type EndIndex, HOLDERS_TABLES, viewChannel, writeChannel } from './channel-block.ts'
import type { ChannelContext } from './channel-context.ts'
import { HANDLES } from './layout.ts'
import { Line } from './line.ts'
import { copyOut, dropUnread, type Message, type Outgoing } from './message.ts'
import { PeerTurn } from './peer-turn.ts'
import type { SharedRing } from './sides.ts'

/** A clock read costs about as much as two looks. */
const ROUNDS_PER_CLOCK_READ = 32

/** One end of a channel, as this thread holds it: once, however many `Channel` objects stand for it (`users`). */
export class ChannelEnd {
  users = 0
  readonly context: ChannelContext
  readonly handle: Handle
  readonly index: EndIndex
  readonly mine: Holders
  readonly theirs: Holders
  readonly out: SharedRing | undefined
  readonly in: SharedRing | undefined
  readonly sends: Line
  readonly receives: Line
  readonly #polls = new PollBudget()

  constructor(context: ChannelContext, handle: Handle, index: EndIndex) {
    const { thread, memory } = context
    const view = viewChannel(thread, memory.region(handle.offset), handle.offset, index)
    this.context = context
    this.handle = handle
    this.index = index
    this.mine = view.mine
    this.theirs = view.theirs
    this.out = view.out
    this.in = view.in
    this.sends = new Line(thread, (line, stop) => this.#sleep(line, stop, this.out!.forRoom, () => this.out!.startWaitingForRoom()))
    this.receives = new Line(thread, (line, stop) => this.#sleep(line, stop, this.in!.forRecords, () => this.in!.startWaitingForRecords()))
  }

  /** Puts a message into the ring; false when there is no room. Throws what `noReader` makes once nobody can read it. */
  tryPush(message: Outgoing, noReader: () => Error): boolean {
    if (!this.theirs.anyLive()) {
      this.#dropUnread(this.out)
      throw noReader()
    }
    return message.pushTo(this.out!, this.context.memory, this.handle)
  }

  /** Takes the oldest message out; `accept` may refuse it by throwing, then it stays. */
  tryTake(accept: (length: number, isBytes: boolean) => void, into?: Uint8Array): Message | undefined {
    const { memory, codec } = this.context
    const message = this.in!.tryPop((ring) => {
      const found = copyOut(ring, memory, accept, into)
      if (found.flags & HANDLES) codec.adoptHandles(found.bytes.subarray(0, found.length))
      return found
    })
    if (message?.extent !== undefined) memory.free(message.extent)
    return message
  }

  /** True once nothing can be read any more, for ever. */
  get isAtEnd(): boolean {
    // In this order: what was sent before the last sender left must be seen.
    return !this.theirs.anyLive() && this.in!.ring.isEmpty
  }

  /** True when the other end is held by this thread alone: blocking for it would be for ever. */
  get waitsForItself(): boolean {
    return this.theirs.firstHeld() === this.context.thread.id && !this.theirs.anyLiveOther()
  }

  waitForRoomSync<T>(look: () => T | undefined, deadlineMs: number): T | undefined {
    return this.#waitSync(this.out!.forRoom, () => this.out!.startWaitingForRoom(), look, deadlineMs)
  }

  waitForRecordSync<T>(look: () => T | undefined, deadlineMs: number): T | undefined {
    const found = look()
    if (found !== undefined || this.context.thread.nowMs() >= deadlineMs) return found
    this.pollForRecord()
    return this.#waitSync(this.in!.forRecords, () => this.in!.startWaitingForRecords(), look, deadlineMs)
  }

  /**
   * Looks for a record for some microseconds before a wait, sync or async; true if one came. Worth it only while the other
   * side runs on another core: then a round trip costs two looks instead of two wake-ups. Blocks an event loop for less
   * time than the wake-up would take, and hardly at all where it was in vain before.
   */
  pollForRecord(): boolean {
    const { thread } = this.context
    const peer = this.theirs.firstHeld()
    if (peer === 0 || peer === thread.id || !thread.runsElsewhere(peer)) return false
    const { ring } = this.in!
    const deadlineMs = thread.nowMs() + this.#polls.next()
    do {
      for (let round = 0; round < ROUNDS_PER_CLOCK_READ; round++) {
        if (ring.isEmpty) continue
        this.#polls.won()
        return true
      }
    } while (thread.nowMs() < deadlineMs)
    this.#polls.lost()
    return false
  }

  /** Waits until there is something to read, the end of file included, without taking it. */
  readTurn(kind: WaitKind, look: () => true | undefined): Turn {
    const ring = this.in!
    return this.#turn(ring.forRecords, kind, () => ring.startWaitingForRecords(), look)
  }

  /** See `Channel.listen`. */
  listen(look: () => void): () => void {
    const { thread } = this.context
    const ring = this.in!
    const stop = new AbortController()
    const lookOnce = (): true | undefined => {
      // In this order: what was sent before the last sender left is seen by the last look.
      const live = this.theirs.anyLive()
      look()
      return live ? undefined : true
    }
    const turn = this.#turn(ring.forRecords, WAITS_ASYNC, () => ring.startWaitingForRecords(), lookOnce)
    settle(withoutRefs(thread), turn, { signal: stop.signal }).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error
    })
    return () => stop.abort()
  }

  /** The last user of this thread is gone. */
  leave(): void {
    const { thread, memory } = this.context
    this.mine.leave()
    // All of them, even if others hold this end: those who watched this thread must find another one.
    if (this.out !== undefined) wakeAll(thread, this.out.forRecords)
    if (this.in !== undefined) wakeAll(thread, this.in.forRoom)
    const mine = this.mine.anyLive()
    const theirs = this.theirs.anyLive()
    if (!mine) this.#dropUnread(this.in)
    if (!theirs) this.#dropUnread(this.out)
    if (!mine && !theirs) memory.reclaim(this.handle)
  }

  #waitSync<T>(waiters: Waiters, starting: () => void, look: () => T | undefined, deadlineMs: number): T | undefined {
    const found = look()
    const { thread } = this.context
    if (found !== undefined || thread.nowMs() >= deadlineMs) return found
    const turn = this.#turn(waiters, WAITS_SYNC, starting, look)
    return settleSync(thread, turn, deadlineMs) ? turn.found : undefined
  }

  async #sleep(line: Line, stop: AbortSignal, waiters: Waiters, starting: () => void): Promise<void> {
    const { thread } = this.context
    const turn = this.#turn(waiters, WAITS_ASYNC, starting, () => line.serve() || undefined)
    try {
      await settle(thread, turn, { signal: stop })
    } catch (error) {
      if (!stop.aborted) throw error
    }
  }

  #turn<T>(waiters: Waiters, kind: WaitKind, starting: () => void, look: () => T | undefined): PeerTurn<T> {
    return new PeerTurn(this.context.thread, waiters, kind, this.theirs, starting, look)
  }

  #dropUnread(ring: SharedRing | undefined): void {
    if (ring !== undefined) dropUnread(ring, this.context)
  }
}

/** For waits that do not keep the event loop alive. */
function withoutRefs(thread: Thread): Thread {
  const quiet: Pick<Thread, 'nowMs' | 'onBell' | 'onPark' | 'watchDeath' | 'ref' | 'unref'> = {
    nowMs: () => thread.nowMs(),
    onBell: (look) => thread.onBell(look),
    onPark: (pass) => thread.onPark(pass),
    watchDeath: (id, told) => thread.watchDeath(id, told),
    ref: () => {},
    unref: () => {},
  }
  return quiet as Thread
}

const ends = new Map<string, ChannelEnd>()

/** This thread's view of an end that it holds, or is about to hold. */
export function openEnd(context: ChannelContext, handle: Handle, index: EndIndex): ChannelEnd {
  const key = `${handle.offset}:${handle.generation}:${index}`
  let end = ends.get(key)
  if (end === undefined) {
    end = new ChannelEnd(context, handle, index)
    end.mine.join()
    ends.set(key, end)
  }
  end.users++
  return end
}

export function closeEnd(end: ChannelEnd): void {
  if (--end.users > 0) return
  ends.delete(`${end.handle.offset}:${end.handle.generation}:${end.index}`)
  end.leave()
}

export function createBlock({ thread, memory }: ChannelContext, shape: ChannelShape): Handle {
  const handle = memory.alloc(channelBytes(shape), { held: HOLDERS_TABLES })
  writeChannel(thread, memory.region(handle.offset), handle.offset, shape)
  return handle
}
