/**
 * The sample config as containers want it: secrets are files, the database is a container beside, and the API listens on all addresses of
 * its own container. One sample is kept by hand, and people get one file to begin with and to change.
 */

const header = `# A shop's Zoho, kept in its own PostgreSQL, for a container: secrets are files below /run/secrets. Copy this file with its folder, and
# change it as you like; docs/deploy.md says how to begin, docs/reference/config.md explains every setting.
# Made by \`npm run generate\` from tds.config.yaml.
#
# \${NAME} must be set, \${NAME:-default} need not be, \${file:/run/secrets/name} is read from a file.

plugins: /plugins                         # of your own, where such a folder is mounted

`

/** Each line of the sample that is another one here. */
const lines: readonly (readonly [from: string, to: string])[] = [
  ['  url: ${TDS_DATABASE_URL:-}            # empty: TDS starts a PostgreSQL of its own', '  # Without this line TDS starts a PostgreSQL of its own, in its volume.\n  url: postgres://tds:${file:/run/secrets/tds_db_password}@tds-postgres:5432/tds'],
  ['  host: ${TDS_HOST:-127.0.0.1}', '  host: 0.0.0.0                           # of the container; what others reach is what you publish'],
  ['  port: ${TDS_PORT:-8080}', '  port: 8080                              # likewise\n  adminToken: ${file:/run/secrets/tds_admin_token}'],
  ...['organizationId', 'clientId', 'clientSecret', 'refreshToken'].map((name) => {
    const variable = `zoho_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
    return [`      ${name}: \${${variable.toUpperCase()}}`, `      ${name}: \${file:/run/secrets/${variable}}`] as const
  }),
]

/** What `deploy/podman/tds.config.yaml` holds. @throws Error where the sample has lost a line that is to be changed */
export function containerConfig(sample: string): string {
  let text = sample.slice(sample.indexOf('timezone:'))
  for (const [from, to] of lines) {
    if (!text.includes(`\n${from}\n`)) throw new Error(`tds.config.yaml has no line ${JSON.stringify(from)}, which is another one in containers`)
    text = text.replace(`\n${from}\n`, () => `\n${to}\n`)
  }
  return `${header}${text}`
}
