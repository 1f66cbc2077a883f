// Runs a script once for each line of its input, an array of arguments: each time in a thread of its own, which
// takes half the time that a process of Node.js takes. Answers with the exit code, the output and the errors.
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'

const [script] = process.argv.slice(2)
for await (const line of createInterface({ input: process.stdin })) {
  const worker = new Worker(script, { argv: JSON.parse(line), stdout: true, stderr: true })
  let thrown = ''
  worker.once('error', (error) => { thrown = error.stack })
  const exit = new Promise((resolve) => worker.once('exit', resolve))
  const [stdout, stderr] = await Promise.all([text(worker.stdout), text(worker.stderr)])
  console.log(JSON.stringify([await exit, stdout, stderr + thrown]))
}
