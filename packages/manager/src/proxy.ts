/**
 * The client side of one object: calls become requests, in order, and a proxy is what travels in place of the object.
 * What belongs to a proxy itself lies outside it, so that its names are all the object's.
 */
import { inspect, types } from 'node:util'
import type { InspectOptions } from 'node:util'
import { argumentType, ServerLostError, TimeoutError } from '@multiproc/core'
import type { Link, ServerAddress } from './link.ts'
import { COPY } from './protocol.ts'
import type { TypeName } from './protocol.ts'
import type { Referent } from './referent.ts'
import { Failures, Reply } from './reply.ts'
import type { Outcome } from './reply.ts'

/** `console.log` waits this long for the contents. */
const SHOW_MS = 250

interface ProxyState {
  readonly type: TypeName
  readonly className: string
  readonly link: Link
  readonly referent: Referent
  readonly failures: Failures
}

const states = new WeakMap<object, ProxyState>()

/** A proxy nobody has any more is one reference less. */
const collected = new FinalizationRegistry<ProxyState>(letGo)

function letGo({ link, referent }: ProxyState): void {
  // In the server the object's own entry is a user, too, so its last proxy is not the last user.
  if (referent.release() || link.isServer) link.release(referent.id)
}

/** Makes `proxy` stand for an object. */
export function bind(proxy: object, type: TypeName, className: string, link: Link, referent: Referent): void {
  const state = { type, className, link, referent, failures: new Failures(className) }
  referent.retain()
  states.set(proxy, state)
  collected.register(proxy, state)
}

export type ProxyParts = [type: TypeName, server: ServerAddress, referent: Referent]

/** What a message carries in place of a proxy. */
export function partsOf(proxy: object): ProxyParts {
  const { type, className, link, referent } = stateOf(proxy, 'sending a proxy')
  link.checkThere(`sending a ${className}`)
  return [type, link.address, referent]
}

/** Sends a call; it is on its way when this returns. */
export function call<R>(proxy: object, method: string, args: readonly unknown[]): Promise<R> {
  const { className, link, referent, failures } = stateOf(proxy, method)
  const reply = Reply.open<R>(failures)
  try {
    link.send(`${className}.${method}()`, { kind: 'call', object: referent.id, method }, args, (outcome) => reply.settle(outcome))
  } catch (error) {
    reply.settle({ error })
  }
  return reply
}

/** For an assignment, which has no result: throws at once what can be told at once. */
export function post(proxy: object, method: string, args: readonly unknown[]): void {
  const { className, link, referent, failures } = stateOf(proxy, method)
  const reply = Reply.open(failures)
  link.send(`${className}.${method}()`, { kind: 'call', object: referent.id, method }, args, (outcome) => reply.settle(outcome))
}

export function callSync(proxy: object, method: string, args: readonly unknown[]): unknown {
  const { className, link, referent, failures } = stateOf(proxy, method)
  const shown = method === COPY ? 'copySync()' : `${className}.${method}()`
  return valueOf(failures.told(link.sendSync(shown, { kind: 'call', object: referent.id, method }, args)))
}

function valueOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

/** Lets the server make the object that a new proxy stands for. */
export function create(proxy: object, init: unknown): void {
  const { type, link, referent, failures } = stateOf(proxy, 'create')
  const reply = Reply.open(failures)
  link.send(`manager.${type}()`, { kind: 'create', type, referent }, [init], (outcome) => reply.settle(outcome))
}

export function typeOf(proxy: object, name: string): TypeName {
  return stateOf(proxy, name).type
}

/** Contents for `console.log`, by a request that blocks for a moment. Never throws. */
export function show(proxy: object, depth: number, options: InspectOptions): string {
  const state = states.get(proxy)
  if (state === undefined) return '<proxy>'
  const { className, link, referent } = state
  const { pid } = link.address
  if (link.isServer || depth < 0) return `<${className} of pid ${pid}>`
  try {
    const contents = valueOf(link.sendSync('inspect()', { kind: 'call', object: referent.id, method: COPY }, [], SHOW_MS))
    const shown = inspect(contents, { ...options, depth: options.depth == null ? options.depth : depth })
    // `Map(3) {` and `[` become `DictProxy(3) {` and `ListProxy [`.
    return `${className}${shown.replace(/^(Map|Set)(?=\()|^/, (kind) => (kind === '' ? ' ' : ''))}`
  } catch (error) {
    return `<${className} of pid ${pid}: ${whyUnseen(error)}>`
  }
}

function whyUnseen(error: unknown): string {
  if (error instanceof ServerLostError) return 'server gone'
  if (error instanceof TimeoutError) return `no answer within ${SHOW_MS} ms`
  return error instanceof Error ? error.message : String(error)
}

/** The base of the proxies whose methods are all there as methods. */
export abstract class ManagedProxy {
  [inspect.custom](depth: number, options: InspectOptions): string {
    return show(this, depth, options)
  }
}

/**
 * Whether two proxies, of this process or others, stand for the same object. Python: comparing `_token`s.
 * @throws ERR_MULTIPROC_ARG_TYPE
 */
export function sameReferent(a: object, b: object): boolean {
  const [first, second] = [stateOf(a, 'sameReferent()'), stateOf(b, 'sameReferent()')]
  return first.referent.id === second.referent.id && first.link.address.key === second.link.address.key
}

export function stateOf(proxy: object, name: string): ProxyState {
  const state = typeof proxy === 'object' && proxy !== null ? states.get(proxy) : undefined
  if (state === undefined) throw argumentType(`${name}: proxy`, "a manager's proxy", types.isProxy(proxy) ? {} : proxy)
  return state
}
