import { argumentType, Channel, checkOptions } from '@multiproc/core'
import { Connection } from './connection.ts'

export interface PipeOptions {
  /** False: one-way, the first end only receives and the second only sends. Default true. */
  readonly duplex?: boolean | undefined
}

interface PipeMaker {
  <T = unknown>(options: { readonly duplex: false }): [reader: Connection<never, T>, writer: Connection<T, never>]
  <A = unknown, B = A>(options?: { readonly duplex?: true | undefined }): [Connection<A, B>, Connection<B, A>]
  new <T = unknown>(options: { readonly duplex: false }): [reader: Connection<never, T>, writer: Connection<T, never>]
  new <A = unknown, B = A>(options?: { readonly duplex?: true | undefined }): [Connection<A, B>, Connection<B, A>]
}

/**
 * Makes two connected ends; with or without `new`. Each can send and receive, unless `duplex` is false.
 *
 * `Pipe<A, B>()`: the first end sends A and receives B. `Pipe<T>({ duplex: false })`: a reader and a writer of T.
 *
 * @returns the two ends, both held by this process until it closes them or gives them away with `move()`.
 * @throws ERR_MULTIPROC_NO_MEMORY; ERR_MULTIPROC_UNSUPPORTED where there is no shared memory.
 * @remarks A pipe takes about 140 KiB of shared memory and no descriptors. Python: `multiprocessing.Pipe(duplex=True)`.
 * @example
 * const [here, there] = Pipe<number, string>()
 * await here.send(42)
 * await there.recv() // => 42
 */
export const Pipe: PipeMaker = function Pipe(options?: PipeOptions): [Connection, Connection] {
  if (typeof options === 'boolean') throw argumentType('`Pipe()`: options', `an object: write { duplex: ${options} }`, options)
  checkOptions('`Pipe()`', options, ['duplex'])
  const duplex = options?.duplex ?? true
  if (typeof duplex !== 'boolean') throw argumentType('`Pipe()`: options.duplex', 'a boolean', duplex)
  const [first, second] = Channel.pair({ duplex, noun: 'connection' })
  return [new Connection(first), new Connection(second)]
} as PipeMaker
