// Runs a module once for each line of its input, an array of arguments, as if by a process of its own, which takes
// twenty times as long. Answers with the exit code, the output and the errors.
import { AsyncLocalStorage } from 'node:async_hooks'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

class Exit extends Error {}
const [script] = process.argv.slice(2)
const answer = process.stdout.write.bind(process.stdout)
// What comes of a run after its end, such as the errors of a stream that it left, belongs to that run.
const current = new AsyncLocalStorage()
process.stdout.write = (text) => { current.getStore().out += text; return true }
process.stderr.write = (text) => { current.getStore().err += text; return true }
process.exit = (code) => { current.getStore().end(code ?? process.exitCode ?? 0); throw new Exit() }
const failed = (error) => {
  if (error instanceof Exit) return
  current.getStore().err += `${error.stack}\n`
  current.getStore().end(1)
}
process.on('uncaughtException', failed)
let runs = 0
for await (const line of createInterface({ input: process.stdin })) {
  process.argv.splice(2, Infinity, ...JSON.parse(line))
  process.exitCode = undefined
  const run = { out: '', err: '' }
  const code = await new Promise((resolve) => {
    run.end = resolve
    current.run(run, () => {
      import(`${pathToFileURL(script)}?${runs++}`).then(() => run.end(process.exitCode ?? 0), failed)
    })
  })
  answer(`${JSON.stringify([code, run.out, run.err])}\n`)
}
