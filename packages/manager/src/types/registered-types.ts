import type { ArrayProxy } from './array.ts'
import type { DictProxy } from './dict.ts'
import type { ListProxy } from './list.ts'
import type { SetProxy } from './set.ts'

/** What a type is registered with: a class, or a function that makes the object. */
export type Make = (abstract new (...args: any[]) => object) | ((...args: any[]) => object | Promise<object>)

export type MadeBy<C> = C extends abstract new (...args: any[]) => infer T ? T : C extends (...args: any[]) => infer T ? Awaited<T> : any
export type ArgumentsOf<C> = C extends abstract new (...args: infer A) => any ? A : C extends (...args: infer A) => any ? A : any[]

/** Only for the compiler. */
declare const OBJECT: unique symbol

type Hidden = `_${string}` | 'constructor' | 'prototype' | 'then' | 'toString' | 'valueOf' | 'toLocaleString' | 'toJSON'
type Reachable<T, E> = { [K in keyof T]: K extends E ? (K extends string ? (K extends Hidden ? never : K) : never) : never }[keyof T]

/**
 * A proxy of an object of a user's class: its public methods, as promises; its getters, to be read with await; its generators,
 * as async iterators. `E` are the names that are exposed, `P` the methods that return proxies.
 */
export type ObjectProxy<T, E extends PropertyKey = string, P extends PropertyKey = never> = 0 extends 1 & T
  ? any
  : { readonly [K in Reachable<T, E>]: Member<T[K], K extends P ? true : false> } & { readonly [OBJECT]: [T, E, P] }

type Member<M, P> = M extends (...args: infer A) => infer R ? (...args: A) => Result<R, P> : Promise<Awaited<M>>

type Result<R, P> =
  R extends Generator<infer Y, infer X, infer N> | AsyncGenerator<infer Y, infer X, infer N> ? AsyncIterableIterator<Y, X, N>
  : P extends true ? Promise<Returned<Awaited<R>>>
  : Promise<Awaited<R>>

type Returned<R> =
  R extends ReadonlyMap<infer K, infer V> ? DictProxy<K, V>
  : R extends ReadonlySet<infer T> ? SetProxy<T>
  : R extends readonly (infer T)[] ? ListProxy<T>
  : R extends ArrayBufferView ? ArrayProxy
  : ObjectProxy<R>

/** What an `ObjectProxy` stands for. */
export type ObjectOf<P> = P extends { readonly [OBJECT]: [infer T, ...any[]] } ? T : never

/** The same, blocking. */
export type SyncObject<P> = P extends { readonly [OBJECT]: [infer T, infer E, infer X] }
  ? { readonly [K in Reachable<T, E>]: SyncMember<T[K], K extends X ? true : false> }
  : never

type SyncMember<M, P> = M extends (...args: infer A) => infer R ? (...args: A) => SyncResult<R, P> : Awaited<M>

type SyncResult<R, P> =
  R extends Generator<infer Y, infer X, infer N> | AsyncGenerator<infer Y, infer X, infer N> ? AsyncIterableIterator<Y, X, N>
  : P extends true ? Returned<Awaited<R>>
  : Awaited<R>
