// Verifies an export of the audit log (NDJSON), or a proof of one event, by docs/reference/audit-log.md:
// node verify.mjs FILE [PUBLIC_KEY], or several of the server's keys, comma-separated
// Ends with 0: verified; 1: changed or incomplete; 2: no export, or a malformed key; 3: filtered; 4: unsigned, or no key
import { createHash, createPublicKey, verify } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { append, check, hexOf, joined, leaf, rootOf, rootsOf, rootWith } from './event.mjs'

const END_NAMES = 'end accountId events firstSequence lastSequence headSequence headHash filtered withheld merkleRoot sha256'
  + ' signature'
const [path, publicKey] = process.argv.slice(2)
const stop = (status, why) => { console.error(why); process.exit(status) }
if (!path) stop(2, 'usage: node verify.mjs FILE [PUBLIC_KEY]')
const keyOf = (x) => { try { return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }) } catch {
  stop(2, 'PUBLIC_KEY must be 32 bytes in base64url: the 43 characters that `team-access audit public-key` prints') } }
const keys = publicKey?.split(',').map(keyOf)
const ensure = (isSo, otherwise) => { if (!isSo) isExport ? stop(1, otherwise) : stop(2, 'not an export of the audit log as NDJSON') }
const parsed = (line, otherwise) => { try { return Object(JSON.parse(line)) } catch { ensure(false, otherwise) } }
const isSigned = (message, text) => { const signature = Buffer.from(`${text}`, 'base64url')
  return signature.toString('base64url') === text && keys?.some((key) => verify(null, message, key, signature)) }
async function * linesOf (path) {
  let rest = Buffer.alloc(0)
  for await (const chunk of createReadStream(path).on('error', ({ message }) => stop(2, `cannot be read: ${message}`))) {
    let start = 0, end
    rest = Buffer.concat([rest, chunk])
    isExport ??= /^{"(version|end)":/.test(rest.toString('latin1', 0, 12))
    for (; (end = rest.indexOf('\n', start)) >= 0; start = end + 1) yield rest.subarray(start, end)
    rest = rest.subarray(start)
  }
  ensure(!rest.length, 'the last line has no end: the export is cut off')
}
let isExport, events = 0, withheld = 0, first, last, proof, end, endLine, prunings = [], hashes = new Map(), subtrees = []
const digest = createHash('sha256')
for await (const bytes of linesOf(path)) {
  const line = bytes.toString()
  ensure(!end, 'something comes after the last line')
  ensure(Buffer.from(line).equals(bytes), `the line after event ${last?.sequence ?? 0} is not UTF-8`)
  if (line.startsWith('{"end":true,')) { end = parsed(endLine = line, 'the last line is no JSON'); continue }
  ensure(!proof, 'a proof has one event')
  if (events === 1 && line.startsWith('{"proof":true,')) { proof = proofIn(line); continue }
  digest.update(bytes).update('\n')
  const event = parsed(line, `broken off after event ${last?.sequence ?? 0}`), place = `event ${event.sequence}`
  const { problem, missing } = check(event, line, (first ?? event).accountId)
  ensure(!problem, `${place} ${problem}`)
  ensure(!last || event.sequence > last.sequence, `${place} is out of place`)
  ensure(event.sequence !== last?.sequence + 1 || event.previousHash === last.hash, `${place} does not follow from the last`)
  if (event.action === 'AUDIT_LOG_PRUNED') prunings.push(event)
  first ??= event, last = event, events += 1, withheld += missing
  if (first.sequence > 1) hashes.set(event.sequence, event.hash)
  append(subtrees, event.hash)
}
function proofIn (line) {
  const proof = parsed(line, 'the second line is no JSON'), { path, checkpoint } = proof
  const isPath = (path) => Array.isArray(path) && path.every((hash) => hexOf(hash, 32))
  ensure(JSON.stringify(proof) === line && Object.keys(proof).join() === 'proof,path,checkpoint' && isPath(path)
    && (checkpoint === null || Object.keys(Object(checkpoint)).join() === 'events,path' && isPath(checkpoint.path)
      && Number.isSafeInteger(checkpoint.events) && checkpoint.events > 0), 'the second line is not as proofs have it')
  return proof
}
const isVouchedFor = ({ accountId, details }) => {
  const { prunedThrough, hash, count, exportSha256, signature } = Object(details)
  return hash === (hashes.get(prunedThrough) ?? first.previousHash) && prunedThrough >= first.sequence - 1 && isSigned(
    joined(['team-access audit log pruned', accountId, `${prunedThrough}`, hash, `${count}`, `${exportSha256}`]), signature)
}
const { sequence, hash } = last ?? { sequence: 0, hash: '0'.repeat(64) }
ensure(Object.keys(end ?? {}).join(' ') === END_NAMES && JSON.stringify(end) === endLine && typeof end.filtered === 'boolean'
  && (end.signature === null || typeof end.signature === 'string') && Array.isArray(end.withheld)
  && end.withheld.every((name) => typeof name === 'string'), 'the last line is missing, or not as exports have it')
proof ? checkProof() : checkExport()
function checkExport () {
  const ends = JSON.stringify([end.accountId, end.events, end.firstSequence, end.lastSequence])
  const holds = JSON.stringify([first ? first.accountId : end.accountId, events, first?.sequence ?? null, last?.sequence ?? null])
  ensure(ends === holds, `the last line says ${ends}, and the export holds ${holds}: events are missing, or another account's`)
  ensure(end.sha256 === digest.digest('hex'), 'the lines before the last one are not those that were exported')
  ensure(end.headSequence === sequence ? end.headHash === hash : end.filtered && end.headSequence > sequence,
    'events are missing at the end')
  ensure(end.filtered || (last?.sequence ?? 0) - (first?.sequence ?? 1) + 1 === events, 'events are missing in between')
  ensure(end.merkleRoot === (end.filtered ? null : rootOf(subtrees).toString('hex')), 'the Merkle tree is not that of the events')
  ensure(end.filtered || !first || /^1 0+$/.test(`${first.sequence} ${first.previousHash}`) || prunings.some(isVouchedFor),
    'the beginning is missing')
}
function checkProof () {
  const { accountId, events, firstSequence, lastSequence, headSequence, headHash, filtered, merkleRoot } = end
  const isRoot = (bytes, path) => !path.length && bytes.toString('hex') === merkleRoot
  ensure(!filtered && accountId === last.accountId && [events, firstSequence, lastSequence].every(Number.isSafeInteger)
    && lastSequence - firstSequence + 1 === events && lastSequence === headSequence && firstSequence <= sequence
    && sequence <= lastSequence && (sequence < headSequence || hash === headHash), 'the last line is not of an export with this event')
  const { path, checkpoint } = proof, bytesOf = (path) => path.map((hash) => hexOf(hash, 32))
  let rest = bytesOf(path)
  ensure(isRoot(rootWith(leaf(hash), sequence - firstSequence, events, rest), rest), 'the path does not lead to the Merkle root')
  rest = bytesOf(checkpoint?.path ?? [])
  ensure(!checkpoint || checkpoint.events <= events && isRoot(rootsOf(checkpoint.events, events, rest)[1], rest),
    "the checkpoint's path does not lead to the Merkle root")
}
const message = Buffer.from(`team-access audit log export\n${endLine.slice(0, endLine.lastIndexOf(',"signature":'))}`)
ensure(!publicKey || end.signature === null || isSigned(message, end.signature), 'the last line is not signed by this key')
const status = !publicKey || end.signature === null ? 'unsigned' : end.filtered ? 'filtered' : 'verified'
const more = withheld ? `; ${withheld} personal values are erased or withheld` : ''
const what = proof ? `event ${sequence} of the log` : `${events} events`
const newest = proof ? `${end.headSequence} ${end.headHash}` : `${sequence} ${hash}`
console.log(`${status}: ${what} of the account ${end.accountId}, up to ${newest}${more}`)
process.exitCode = { verified: 0, filtered: 3, unsigned: 4 }[status]
