/**
 * The client side of one object: calls become requests, in order, and a proxy is what travels in place of the object.
 * What belongs to a proxy itself lies outside it, so that its names are all the object's.
 */
import { inspect, types } from 'node:util'
import type { InspectOptions } from 'node:util'
import { AbortError, argumentType, ServerLostError, TimeoutError } from '@multiproc/core'
import type { Link } from './link.ts'
import { CALL, CREATE, SHOW, COPY } from './protocol.ts'
import type { ObjectId } from './protocol.ts'
import { Referent } from './referent.ts'
import { Failures, Reply, valueOf } from './reply.ts'

/** `console.log` waits this long for the contents. */
const SHOW_MS = 250

/** What stands for all proxies of this thread on the same object. */
export interface Reference {
  readonly id: ObjectId
  retain(): void
  /** True when that was the last user in this thread. */
  release(): boolean
  /** Messages that brought it here from another machine, since it was last let go. */
  readonly received?: number
}

interface ProxyState {
  readonly type: string
  readonly className: string
  readonly link: Link
  readonly referent: Reference
  readonly failures: Failures
}

const states = new WeakMap<object, ProxyState>()

/** A proxy nobody has any more is one reference less. */
const collected = new FinalizationRegistry<ProxyState>(letGo)

function letGo({ link, referent }: ProxyState): void {
  // In the server the object's own entry is a user, too, so its last proxy is not the last user.
  if (referent.release() || link.isServer) link.release(referent.id, referent.received)
}

/** Makes `proxy` stand for an object. */
export function bind(proxy: object, type: string, className: string, link: Link, referent: Reference): void {
  const state = { type, className, link, referent, failures: new Failures(className) }
  referent.retain()
  states.set(proxy, state)
  collected.register(proxy, state)
}

/** Sends a call; it is on its way when this returns. Aborting `signal` ends its wait in the server. */
export function call<R>(proxy: object, method: string, args: readonly unknown[], signal?: AbortSignal): Promise<R> {
  const { className, link, referent, failures } = stateOf(proxy, method)
  const reply = Reply.open<R>(failures)
  const name = `${className}.${method}()`
  try {
    if (signal?.aborted) throw new AbortError(`${name} was aborted before it was called.`, { cause: signal.reason })
    if (signal === undefined) link.send(name, { kind: CALL, object: referent.id, method }, args, (outcome) => reply.settle(outcome))
    else sendAbortable(reply, name, link, { kind: CALL, object: referent.id, method }, args, signal)
  } catch (error) {
    reply.settle({ error })
  }
  return reply
}

/** What the server did before it learned of the abort counts: then the call ends as if there was none. */
function sendAbortable(reply: Reply<any>, name: string, link: Link, asked: Parameters<Link['send']>[1], args: readonly unknown[], signal: AbortSignal): void {
  const onAbort = (): void => link.cancel(id)
  const id = link.send(name, asked, args, (outcome) => {
    signal.removeEventListener('abort', onAbort)
    const isAborted = signal.aborted && 'error' in outcome && (outcome.error as { code?: unknown } | undefined)?.code === 'ABORT_ERR'
    reply.settle(isAborted ? { error: new AbortError(`${name} was aborted while it waited. Nothing was taken or changed.`, { cause: signal.reason }) } : outcome)
  })
  signal.addEventListener('abort', onAbort)
}

/** For an assignment, which has no result: throws at once what can be told at once. */
export function post(proxy: object, method: string, args: readonly unknown[]): void {
  const { className, link, referent, failures } = stateOf(proxy, method)
  const reply = Reply.open(failures)
  link.send(`${className}.${method}()`, { kind: CALL, object: referent.id, method }, args, (outcome) => reply.settle(outcome))
}

export function callSync(proxy: object, method: string, args: readonly unknown[]): unknown {
  const { className, link, referent, failures } = stateOf(proxy, method)
  const shown = method === COPY ? 'copySync()' : `${className}.${method}()`
  return valueOf(failures.told(link.sendSync(shown, { kind: CALL, object: referent.id, method }, args)))
}

/** Lets the server make the object that a new proxy stands for. */
export function create(proxy: object, args: readonly unknown[]): void {
  const { type, link, referent, failures } = stateOf(proxy, 'create')
  const reply = Reply.open(failures)
  const said = referent instanceof Referent ? { args, referent } : { args }
  link.send(`manager.${type}()`, { kind: CREATE, object: referent.id, method: type }, said, (outcome) => reply.settle(outcome))
}

export function typeOf(proxy: object, name: string): string {
  return stateOf(proxy, name).type
}

/** Contents for `console.log`, by a request that blocks for a moment. Never throws. */
function show(proxy: object, depth: number, options: InspectOptions): string {
  const state = states.get(proxy)
  if (state === undefined) return '<proxy>'
  const { className, link, referent } = state
  if (link.isServer || depth < 0) return `<${className} of ${link.where}>`
  try {
    const shown = valueOf(link.sendSync('inspect()', { kind: CALL, object: referent.id, method: SHOW }, [], SHOW_MS)) as { contents: unknown } | { text: string }
    const text = 'text' in shown ? shown.text : inspect(shown.contents, { ...options, depth: options.depth == null ? options.depth : depth })
    // `Map(3) {` and `[` become `DictProxy(3) {` and `ListProxy [`.
    return `${className}${text.replace(/^(Map|Set)(?=\()|^/, (kind) => (kind === '' ? ' ' : ''))}`
  } catch (error) {
    return `<${className} of ${link.where}: ${whyUnseen(error)}>`
  }
}

function whyUnseen(error: unknown): string {
  if (error instanceof ServerLostError) return 'server gone'
  if (error instanceof TimeoutError) return `no answer within ${SHOW_MS} ms`
  return error instanceof Error ? error.message : String(error)
}

/** The base of all proxies but iterators, and of what stands behind those whose names are the object's. */
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
  return first.referent.id === second.referent.id && first.link.key === second.link.key
}

export function stateOf(proxy: object, name: string): ProxyState {
  const state = (typeof proxy === 'object' && proxy !== null) || typeof proxy === 'function' ? states.get(proxy) : undefined
  if (state === undefined) throw argumentType(`${name}: proxy`, "a manager's proxy", types.isProxy(proxy) ? {} : proxy)
  return state
}
