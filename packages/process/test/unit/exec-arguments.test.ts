import { describe, expect, it } from 'vitest'
import { inheritedExecArgv, inheritedNodeOptions } from '../../src/exec-arguments.ts'

describe('inheritedExecArgv', () => {
  it.each([
    [['-e', 'start()'], []],
    [['--eval', 'start()', '--no-warnings'], ['--no-warnings']],
    [['-pe', '1 + 1'], []],
    [['-p', '1'], []],
    [['-c'], []],
    [['-i'], []],
    [['--check', '--interactive'], []],
    [['--test', '--test-name-pattern', 'a b', '--test-concurrency=2', '--import', 'tsx'], ['--import', 'tsx']],
    [['--watch', '--watch-path', './src', '--watch-preserve-output'], []],
    [['--run', 'build'], []],
    [['--input-type', 'module', '--eval=x'], []],
    [['--input_type=module'], []],
    [['--env-file', '.env', '--env-file-if-exists=.env.local'], []],
    [['--snapshot-blob', 'app.blob', '--build-snapshot-config=x'], []],
    [['--inspect', '--inspect-brk=0', '--inspect-port', '9230', '--inspect-publish-uid=http'], []],
  ])('drops what says which program this process runs: %j', (given, kept) => {
    expect(inheritedExecArgv(given)).toEqual(kept)
  })

  it('keeps everything else, with its values', () => {
    const given = ['--import', 'tsx', '-r', './x.cjs', '--conditions=development', '--max-old-space-size=100', '--experimental-vm-modules', '--print-bytecode', '--enable-source-maps']
    expect(inheritedExecArgv(given)).toEqual(given)
  })
})

describe('inheritedNodeOptions', () => {
  it('drops inspector options and keeps quoted words whole', () => {
    expect(inheritedNodeOptions('--inspect-brk=0 --require "./a \\"b\\" c.cjs"  --no-warnings')).toBe('--require "./a \\"b\\" c.cjs" --no-warnings')
    expect(inheritedNodeOptions('"--inspect"')).toBe('')
  })

  it('returns the text unchanged when nothing is dropped', () => {
    expect(inheritedNodeOptions('  --no-warnings   -r "a b" ')).toBe('  --no-warnings   -r "a b" ')
  })
})
