import { expectTypeOf } from 'vitest'
import { type Connection, Pipe } from '@multiproc/pipe'

const [first, second] = Pipe<number, string>()
expectTypeOf(first).toEqualTypeOf<Connection<number, string>>()
expectTypeOf(second).toEqualTypeOf<Connection<string, number>>()
expectTypeOf(first.recv()).toEqualTypeOf<Promise<string>>()
expectTypeOf(second.recvSync()).toEqualTypeOf<number>()
expectTypeOf(first.tryRecv()).toEqualTypeOf<{ value: string } | undefined>()
// @ts-expect-error: the first end sends numbers
first.trySend('text')

expectTypeOf(Pipe()).toEqualTypeOf<[Connection, Connection]>()
expectTypeOf(new Pipe<Date>()).toEqualTypeOf<[Connection<Date, Date>, Connection<Date, Date>]>()
expectTypeOf(Pipe({ duplex: true })).toEqualTypeOf<[Connection, Connection]>()

const [reader, writer] = Pipe<Date>({ duplex: false })
expectTypeOf(reader).toEqualTypeOf<Connection<never, Date>>()
expectTypeOf(writer).toEqualTypeOf<Connection<Date, never>>()
expectTypeOf(new Pipe<Date>({ duplex: false })[0].recv()).toEqualTypeOf<Promise<Date>>()
// @ts-expect-error: a reader sends nothing
reader.trySend(new Date())

for await (const date of reader) expectTypeOf(date).toEqualTypeOf<Date>()

// @ts-expect-error: a bare number is no options object
void first.recv(1000)
// @ts-expect-error: a blocking call takes no signal
first.recvSync({ signal: AbortSignal.timeout(1) })
