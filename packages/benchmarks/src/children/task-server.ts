import { add } from './tasks.ts'

process.on('message', ({ id, a, b }: { id: number; a: number; b: number }) => process.send!({ id, result: add(a, b) }))
process.on('disconnect', () => process.exit())
