import { Channel, ShutDown } from '@multiproc/core'
import type { Process } from '@multiproc/process'
import type { Queue } from '@multiproc/queue'
import { ChannelCarrier } from './carrier.ts'
import { Link, links } from './link.ts'
import type { Hello } from './protocol.ts'

/** How often it is asked whether the server is still there, until it has answered for the first time. */
const NOT_MET_LOOK_MS = 100

/** What names a server in each message that carries a proxy. */
export interface ServerAddress {
  /** Unique in the family. */
  readonly key: string
  readonly pid: number
  readonly inbox: Queue<Hello>
  /** The server holds the other end until it ends; nothing is ever sent. */
  readonly life: Channel
}

/**
 * A link to a server of this family, by a channel in shared memory.
 *
 * How it learns of the server's death:
 *   before the first reply   the server may not hold its end of the channel yet: by the end of `life`
 *   after it                 by the end of the channel; a blocked thread is woken by that, too
 *   in the thread that started the server, also by the exit of the child: it may have died before it held anything
 */
export class FamilyLink extends Link {
  readonly address: ServerAddress
  readonly where: string
  #stopLife = (): void => {}
  #process: Process | undefined

  private constructor(address: ServerAddress) {
    super(address.key)
    this.address = address
    this.where = `pid ${address.pid}`
  }

  /** This thread's link to a server; of an address that came in a message and is known, the handles are not needed. */
  static to(address: ServerAddress): FamilyLink {
    const known = links.get(address.key)
    if (known instanceof FamilyLink) {
      if (known.address.inbox !== address.inbox) closeAddress(address)
      return known
    }
    const link = new FamilyLink(address)
    links.set(address.key, link)
    return link
  }

  /** In the thread that started the server, which learns how it ended. */
  owns(process: Process): void {
    this.#process = process
    process.on('exit', () => this.serverIsGone())
  }

  protected override welcomed(): void {
    this.#stopLife()
  }

  /** First contact: the server gets its end of the channel. */
  protected greet(call: string): void {
    if (this.carrier !== undefined) return
    const [mine, servers] = Channel.pair({ noun: 'manager' })
    try {
      this.address.inbox.putSync({ client: this.thread.id, ends: { server: servers, client: mine } })
    } catch (error) {
      mine.close()
      throw error instanceof ShutDown ? this.lostError(call, 'was shut down') : error
    } finally {
      // It must be the server's alone, so that its end is the server's.
      servers.close()
    }
    this.carrier = new ChannelCarrier(mine)
    this.carrier.listen(() => this.look())
    this.#stopLife = this.address.life.listen(() => {
      if (!this.met && this.lost === undefined && this.#isServerOver()) this.serverIsGone()
    })
  }

  protected put(call: string, frame: Buffer, sent?: (arrives: boolean) => void): void {
    this.greet(call)
    try {
      this.carrier!.send(frame, sent)
    } catch (error) {
      this.serverIsGone()
      this.checkThere(call)
      throw error
    }
  }

  protected checkBlocking(_: string, left: number): number {
    if (this.met) return left
    if (this.#isServerOver()) this.serverIsGone()
    return Math.min(left, NOT_MET_LOOK_MS)
  }

  protected ended(): string {
    const process = this.#process
    this.#stopLife()
    closeAddress(this.address)
    links.delete(this.key)
    if (process === undefined) return 'has ended'
    // Its threads are gone; that the process is takes the kernel some milliseconds more.
    process.joinSync({ timeout: 1000 })
    const { exitCode, signalCode } = process
    if (signalCode !== null) return `was ended by ${signalCode}`
    return exitCode === null ? 'has ended' : `exited with code ${exitCode}`
  }

  #isServerOver(): boolean {
    if (this.#process !== undefined && this.#process.exitCode !== null) return true
    const { life } = this.address
    return life.closed || life.pollSync()
  }
}

function closeAddress({ inbox, life }: ServerAddress): void {
  inbox.close()
  life.close()
}
