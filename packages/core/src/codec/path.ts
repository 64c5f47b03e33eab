/** A step of a path that is no property: shown as the text that would reach it. */
export class Step {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type PathStep = string | number | Step

/** The expression that reaches a value: `args[0].options.onDone`. With root '' it begins with the first property. */
export function showPath(root: string, steps: readonly PathStep[]): string {
  let path = root
  for (const step of steps) {
    if (typeof step === 'number') path += `[${step}]`
    else if (step instanceof Step) path += step.text
    else if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(step)) path += path === '' ? step : `.${step}`
    else path += `[${JSON.stringify(step)}]`
  }
  return path
}
