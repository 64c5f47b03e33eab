import { types } from 'node:util'
import { MultiprocError, type ErrorCode } from '@multiproc/core'

/** A function as error texts name it; runs no code of the user's. */
export function nameOf(fn: Function): string {
  const name: unknown = types.isProxy(fn) ? undefined : Object.getOwnPropertyDescriptor(fn, 'name')?.value
  return typeof name === 'string' && name !== '' ? `\`${name}\`` : 'an anonymous function'
}

/**
 * The error for what cannot travel. `path` leads from the function to it (`[[connection]]`); the codec puts the path
 * to the function in front.
 */
export function refusal(code: ErrorCode, fn: Function, fact: string, instead: string, path = ''): MultiprocError {
  return new MultiprocError(code, `sending ${nameOf(fn)} failed: ${fact}. ${instead}`, { details: { path } })
}
