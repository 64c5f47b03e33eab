import { Link, links } from './link.ts'
import type { Carrier } from './carrier.ts'
import type { ObjectId } from './protocol.ts'
import type { Reference } from './proxy.ts'

/** Where a server elsewhere is, for those who have a key of it. */
export interface RemoteAddress {
  readonly key: string
  readonly address: string | { readonly host: string; readonly port: number }
}

export class RemoteLink extends Link {
  override readonly isForeign = true
  readonly address: RemoteAddress
  readonly where: string

  private constructor(address: RemoteAddress) {
    super(address.key)
    this.address = address
    this.where = typeof address.address === 'string' ? address.address : `${address.address.host}:${address.address.port}`
  }

  static to(address: RemoteAddress): RemoteLink {
    const known = links.get(address.key)
    if (known instanceof RemoteLink) return known
    const link = new RemoteLink(address)
    links.set(address.key, link)
    return link
  }

  hold(_: ObjectId): Reference {
    throw new Error('not yet')
  }

  protected greet(): void {}

  protected put(_: string, frame: Buffer): void {
    ;(this.carrier as Carrier).send(frame)
  }

  protected checkBlocking(_: string, left: number): number {
    return left
  }

  protected ended(): string {
    return 'has ended'
  }
}
