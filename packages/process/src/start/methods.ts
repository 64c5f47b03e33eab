import type { StartMethod } from '../protocol.ts'
import type { Starter } from './method.ts'
import { prefork } from './prefork.ts'
import { spawn } from './spawn.ts'
import { thread } from './thread.ts'

export const methods: Readonly<Record<StartMethod, Starter>> = { spawn, prefork, thread }
