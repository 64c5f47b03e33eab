/**
 * The file a child process runs. It stands beside the built package, and beside this file in the sources, so the same
 * relative path serves both.
 */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
export const childEntry = new URL(`./child/main.${extension}`, import.meta.url)
