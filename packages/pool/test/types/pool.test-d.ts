import { expectTypeOf } from 'vitest'
import { currentTask } from '../../src/index.ts'
import type { AsyncResult, CurrentTask, Pool, Remote, ResultIterator, Settled } from '../../src/index.ts'

declare const pool: Pool

expectTypeOf(pool.apply(() => 1)).toEqualTypeOf<AsyncResult<number>>()
expectTypeOf(pool.apply(async (a: number, b: string) => a + b, [1, 'x'], { retry: 1 })).toEqualTypeOf<AsyncResult<string>>()
expectTypeOf(pool.map((n) => n * 2, [1, 2])).toEqualTypeOf<AsyncResult<number[]>>()
expectTypeOf(pool.starmap((a: number, b: string) => b.repeat(a), [[1, 'x']])).toEqualTypeOf<AsyncResult<string[]>>()
expectTypeOf(pool.imap(async (n: number) => String(n), [1, 2])).toEqualTypeOf<ResultIterator<string>>()

// @ts-expect-error a wrong argument
pool.apply((a: number) => a, ['x'])
// @ts-expect-error a missing argument
pool.apply((a: number) => a)
// @ts-expect-error items of another type
pool.map((n: number) => n, ['x'])
// @ts-expect-error an option of imap's
pool.map((n: number) => n, [1], { bufferSize: 3 })

expectTypeOf(pool.applySync(async (n: number) => String(n), [1], { timeout: 5 })).toEqualTypeOf<string>()
expectTypeOf(pool.mapSync((n) => n > 1, [1, 2])).toEqualTypeOf<boolean[]>()
expectTypeOf(pool.apply((a: number, o: { b: number }) => a + o.b, [1], { kwargs: { b: 2 } })).toEqualTypeOf<AsyncResult<number>>()
expectTypeOf(pool.map((n) => n * 2, [1, 2], { settled: true })).toEqualTypeOf<AsyncResult<Settled<number>[]>>()
expectTypeOf(pool.imap((n) => n * 2, [1, 2], { settled: true })).toEqualTypeOf<ResultIterator<Settled<number>>>()
expectTypeOf(pool.stream(function* (n: number) { yield String(n) }, [1])).toEqualTypeOf<AsyncIterableIterator<string>>()
expectTypeOf(pool.wrap(async (n: number) => n > 1)).toEqualTypeOf<(n: number) => AsyncResult<boolean>>()
expectTypeOf(pool.module<{ area(w: number, h: number): Promise<number>; size: 3 }>(new URL('x:y'))).toEqualTypeOf<Remote<{ area(w: number, h: number): Promise<number>; size: 3 }>>()
expectTypeOf(pool.module<{ area(w: number, h: number): Promise<number>; size: 3 }>(new URL('x:y')).area(1, 2)).toEqualTypeOf<AsyncResult<number>>()
expectTypeOf(pool.broadcast(async () => 1)).toEqualTypeOf<Promise<number[]>>()
expectTypeOf(pool.constant({ a: 1 }).value).toEqualTypeOf<{ a: number }>()
expectTypeOf(currentTask()).toEqualTypeOf<CurrentTask | null>()
pool.on('workerExit', ({ exitCode }) => expectTypeOf(exitCode).toEqualTypeOf<number | null>())

// @ts-expect-error kwargs of another type
pool.apply((a: number, o: { b: number }) => a + o.b, [1], { kwargs: { b: 'x' } })
// @ts-expect-error a wrong argument of a wrapped function
pool.wrap((n: number) => n)('x')
// @ts-expect-error a field that is no function
void pool.module<{ size: 3 }>(new URL('x:y')).size
// @ts-expect-error no signal could abort it
pool.applySync(() => 1, [], { signal: AbortSignal.abort() })
