import { expectTypeOf } from 'vitest'
import type { AsyncResult, Pool, ResultIterator } from '../../src/index.ts'

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
