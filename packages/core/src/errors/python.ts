import { brandAs, MultiprocError, type ErrorOptions } from './base.ts'

/** Base of what concerns another process. Python: `multiprocessing.ProcessError`. */
export class ProcessError extends MultiprocError {
  static {
    brandAs(this, 'ProcessError')
  }
}

/** The call waited for its `timeout`; nothing was changed. Python: `multiprocessing.TimeoutError`. */
export class TimeoutError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_TIMEOUT', message, options)
  }
  static {
    brandAs(this, 'TimeoutError')
  }
}

/** The other side does not know the key. Python: `multiprocessing.AuthenticationError`. */
export class AuthenticationError extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_AUTH', message, options)
  }
  static {
    brandAs(this, 'AuthenticationError')
  }
}

/** A message does not fit the buffer given; it stays, `details.length` is its size. Python: `multiprocessing.BufferTooShort`. */
export class BufferTooShort extends ProcessError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_BUFFER_TOO_SHORT', message, options)
  }
  static {
    brandAs(this, 'BufferTooShort')
  }
}

/** The barrier was aborted, reset, timed out or lost a party. Python: `threading.BrokenBarrierError`. */
export class BrokenBarrierError extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_BROKEN_BARRIER', message, options)
  }
  static {
    brandAs(this, 'BrokenBarrierError')
  }
}

/** No room within the timeout; nothing was put. Python: `queue.Full`. */
export class Full extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_FULL', message, options)
  }
  static {
    brandAs(this, 'Full')
  }
}

/** Nothing to take within the timeout. Python: `queue.Empty`. */
export class Empty extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_EMPTY', message, options)
  }
  static {
    brandAs(this, 'Empty')
  }
}

/** The queue was shut down. Python: `queue.ShutDown`. */
export class ShutDown extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_SHUT_DOWN', message, options)
  }
  static {
    brandAs(this, 'ShutDown')
  }
}

/** Nobody is left who could send. Python: `EOFError`. */
export class EOFError extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_EOF', message, options)
  }
  static {
    brandAs(this, 'EOFError')
  }
}

/** A result could not be sent back; `cause` says why. Python: `multiprocessing.pool.MaybeEncodingError`. */
export class MaybeEncodingError extends MultiprocError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MULTIPROC_ENCODING', message, options)
  }
  static {
    brandAs(this, 'MaybeEncodingError')
  }
}
