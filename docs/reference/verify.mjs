// Verifies an export of the audit log (NDJSON) by docs/reference/audit-log.md: node verify.mjs FILE [PUBLIC_KEY]
// Ends with 0: verified; 1: changed or incomplete; 2: no export, or a malformed key; 3: filtered; 4: unsigned, or no key
import { createHash, createPublicKey, verify } from 'node:crypto'
import { createReadStream } from 'node:fs'

const NAMES = 'version accountId sequence id occurredAt action outcome summary actorKind actorMemberId actorName credentialKind'
  + ' credentialId credentialLabel targetType targetId targetName ip userAgent requestId personalDetails salt'
const PERSONAL = 'summary actorName credentialLabel targetName ip userAgent'.split(' ')
const END_NAMES = 'end accountId events firstSequence lastSequence headSequence headHash filtered withheld sha256 signature'
const [path, publicKey] = process.argv.slice(2)
const stop = (status, why) => { console.error(why); process.exit(status) }
if (!path) stop(2, 'usage: node verify.mjs FILE [PUBLIC_KEY]')
const keyOf = (x) => { try { return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }) } catch {
  stop(2, 'PUBLIC_KEY must be 32 bytes in base64url: the 43 characters that `team-access audit public-key` prints') } }
const key = publicKey && keyOf(publicKey)
const field = (text) => text === null ? '-,' : `${Buffer.byteLength(text)}:${text},`
const joined = (texts) => Buffer.from(texts.map(field).join(''))
const ensure = (isSo, otherwise) => { if (!isSo) isExport ? stop(1, otherwise) : stop(2, 'not an export of the audit log as NDJSON') }
const parsed = (line, otherwise) => { try { return Object(JSON.parse(line)) } catch { ensure(false, otherwise) } }
const sha256 = (...parts) => { const hash = createHash('sha256'); parts.forEach((part) => hash.update(part)); return hash }
const hexOf = (text, size) => { const bytes = Buffer.from(`${text}`, 'hex')
  return bytes.length === size && bytes.toString('hex') === text ? bytes : null }
// Lone surrogates have the bytes of U+FFFD in UTF-8: with them, different lines would have the same hash.
const isText = (value) => typeof value !== 'string' || Buffer.from(value).toString() === value
// The texts that are hashed: of each personal field its commitment. Null where a salt or a commitment is malformed.
function hashed ({ salt, personalDetails, ...fields }) {
  const root = typeof salt === 'string' ? hexOf(salt, 16) : null, salts = root ? {} : Object(salt), used = []
  let missing = 0, isWell = Boolean(root || salt !== null && typeof salt === 'object') && Object.values(fields).every(isText)
  const commitment = (name, value, text) => {
    if (value !== null && typeof value === 'object' && Object.keys(value).join() === 'commitment') {
      missing += 1, isWell &&= hexOf(value.commitment, 32) !== null
      return value.commitment
    }
    used.push(name)
    const own = root ? sha256(root, name).digest() : hexOf(salts[name], 32)
    isWell &&= own !== null && typeof text === 'string'
    return isWell ? sha256(own, text).digest('hex') : ''
  }
  for (const name of PERSONAL) if (fields[name] !== null) fields[name] = commitment(name, fields[name], fields[name])
  if (personalDetails !== null) {
    const keys = Object.keys(Object(personalDetails)), bytes = (key) => Buffer.from(key)
    isWell &&= keys.length > 0 && keys.every((key, at) => !at || Buffer.compare(bytes(keys[at - 1]), bytes(key)) < 0)
    personalDetails = keys.map((key) => [key, commitment(`details.${key}`, personalDetails[key],
      JSON.stringify(personalDetails[key]))].map(field).join('')).join('')
  }
  isWell &&= (missing > 0) === !root && (root !== null || Object.keys(salts).join() === used.join())
  withheld += missing
  return isWell ? [...Object.values(fields).map((value) => value === null ? null : String(value)), personalDetails] : null
}
const isSigned = (message, text) => { const signature = Buffer.from(`${text}`, 'base64url')
  return key && signature.toString('base64url') === text && verify(null, message, key, signature) }
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
let isExport, events = 0, withheld = 0, first, last, end, endLine, prunings = [], hashes = new Map()
const digest = createHash('sha256')
for await (const bytes of linesOf(path)) {
  const line = bytes.toString()
  ensure(!end, 'something comes after the last line')
  ensure(Buffer.from(line).equals(bytes), `the line after event ${last?.sequence ?? 0} is not UTF-8`)
  if (line.startsWith('{"end":true,')) { end = parsed(endLine = line, 'the last line is no JSON'); continue }
  digest.update(bytes).update('\n')
  const event = parsed(line, `broken off after event ${last?.sequence ?? 0}`)
  const { previousHash, hash, details, ...fields } = event, place = `event ${event.sequence}`
  ensure(Object.keys(fields).join(' ') === NAMES && Number.isSafeInteger(event.sequence)
    && event.version === 2 && event.accountId === (first ?? event).accountId, `${place} has other fields`)
  const raw = line.slice(line.indexOf(',"details":') + 11, line.lastIndexOf(',"previousHash":"'))
  const whole = `${JSON.stringify(fields).slice(0, -1)},"details":${raw},"previousHash":"${previousHash}","hash":"${hash}"}`
  const texts = hashed(fields)
  ensure(texts, `${place} has personal fields that are not as exports have them`)
  const message = Buffer.concat([Buffer.from(`${previousHash}`, 'hex'), joined([...texts, raw])])
  ensure(sha256(message).digest('hex') === hash && whole === line, `${place} was changed`)
  ensure(!last || event.sequence > last.sequence, `${place} is out of place`)
  ensure(event.sequence !== last?.sequence + 1 || previousHash === last.hash, `${place} does not follow from the last`)
  if (event.action === 'AUDIT_LOG_PRUNED') prunings.push(event)
  first ??= event, last = event, events += 1
  if (first.sequence > 1) hashes.set(event.sequence, hash)
}
const isVouchedFor = ({ accountId, details }) => {
  const { prunedThrough, hash, count, exportSha256, signature } = Object(details)
  return hash === (hashes.get(prunedThrough) ?? first.previousHash) && prunedThrough >= first.sequence - 1 && isSigned(
    joined(['team-access audit log pruned', accountId, `${prunedThrough}`, hash, `${count}`, `${exportSha256}`]), signature)
}
const ends = JSON.stringify([end?.accountId, end?.events, end?.firstSequence, end?.lastSequence])
const holds = JSON.stringify([first ? first.accountId : end?.accountId, events, first?.sequence ?? null, last?.sequence ?? null])
const { sequence, hash } = last ?? { sequence: 0, hash: '0'.repeat(64) }
ensure(Object.keys(end ?? {}).join(' ') === END_NAMES && JSON.stringify(end) === endLine && typeof end.filtered === 'boolean'
  && (end.signature === null || typeof end.signature === 'string') && Array.isArray(end.withheld)
  && end.withheld.every((name) => typeof name === 'string'), 'the last line is missing, or not as exports have it')
ensure(ends === holds, `the last line says ${ends}, and the export holds ${holds}: events are missing, or another account's`)
ensure(end.sha256 === digest.digest('hex'), 'the lines before the last one are not those that were exported')
ensure(end.headSequence === sequence ? end.headHash === hash : end.filtered && end.headSequence > sequence,
  'events are missing at the end')
ensure(end.filtered || (last?.sequence ?? 0) - (first?.sequence ?? 1) + 1 === events, 'events are missing in between')
ensure(end.filtered || !first || /^1 0+$/.test(`${first.sequence} ${first.previousHash}`) || prunings.some(isVouchedFor),
  'the beginning is missing')
const message = Buffer.from(`team-access audit log export\n${endLine.slice(0, endLine.lastIndexOf(',"signature":'))}`)
ensure(!publicKey || end.signature === null || isSigned(message, end.signature), 'the last line is not signed by this key')
const status = !publicKey || end.signature === null ? 'unsigned' : end.filtered ? 'filtered' : 'verified'
const more = withheld ? `; ${withheld} personal values are erased or withheld` : ''
console.log(`${status}: ${events} events of the account ${end.accountId}, up to ${sequence} ${hash}${more}`)
process.exitCode = { verified: 0, filtered: 3, unsigned: 4 }[status]
