/** Every fault that the connection layer can tell: what it means, and what to do. The reference of errors is made of it. */
export const connectionCodes = {
  'http.network': { meaning: 'The other side can\'t be reached or broke the connection: refused, reset, DNS or TLS failed.', cure: 'TDS tries again by itself. If it lasts, check the address, the network and the service\'s status page.' },
  'http.timeout': { meaning: 'The other side did not answer in time.', cure: 'TDS tries again by itself. If it lasts, raise the connection\'s `timeout` or ask for less at once.' },
  'http.body_cut': { meaning: 'The answer ended before it was complete.', cure: 'TDS tries again by itself. If it lasts, look for a proxy between the two.' },
  'http.too_large': { meaning: 'The answer is larger than the connection\'s `maxBody`.', cure: 'Raise `maxBody`, or ask for less at once.' },
  'http.bad_encoding': { meaning: 'The answer is compressed in a way that was not asked for, or its compressed data is damaged.', cure: 'Look for a proxy that changes answers.' },
  'http.not_json': { meaning: 'The answer is not JSON where JSON was expected, such as an HTML error page.', cure: 'TDS tries again by itself. If it lasts, check the address; a proxy or a maintenance page may answer instead.' },
  'http.rate_limited': { meaning: 'The other side says that there were too many calls (429).', cure: 'TDS waits and goes on by itself. If it happens often, lower `limits`, or see who else uses the account.' },
  'http.server_error': { meaning: 'The other side answered that it is unwell (5xx).', cure: 'TDS tries again by itself. If it lasts, see the service\'s status page.' },
  'http.unauthorized': { meaning: 'The credentials of this call were refused (401).', cure: 'Check the connection\'s credentials.' },
  'http.token_refused_again': { meaning: 'A new access token was refused as well.', cure: 'Check the connection\'s credentials and what they are allowed to do.' },
  'http.refused': { meaning: 'The other side refused the request (4xx); a repeat would be refused too.', cure: 'Read its answer in the error\'s details.' },
  'http.redirect': { meaning: 'The answer sends the call to another address, which is not followed because the credentials would go there.', cure: 'Configure the final address.' },
  'http.bad_request': { meaning: 'The request can\'t be sent: no valid http(s) address, or two bodies.', cure: 'This is a fault of the plugin, or of an address in the config.' },
  'http.forbidden_address': { meaning: 'The address lies in a private network (or is this machine), and the config does not name that host.', cure: 'Name the host in the connection\'s settings if it is meant; else find out who sent the address.' },
  'plugin.threw': { meaning: 'A plugin threw an error that is none of the SDK.', cure: 'This is a fault of the plugin; its maker needs the error\'s cause.' },
  'connection.paused': { meaning: 'The other side failed several times in a row, so calls rest until the given time.', cure: 'It goes on by itself. `breaker` in the config says when it pauses and for how long.' },
  'connection.retry_budget': { meaning: 'So many calls of this connection fail that no more of them are repeated for now.', cure: 'It goes on by itself when calls succeed again.' },
  'connection.rate_limit_lasts': { meaning: 'The other side kept saying "too many calls" for as long as a call may wait.', cure: 'See who else uses the account, or lower `limits`.' },
  'connection.quota_spent': { meaning: 'The calls of the day are used up.', cure: 'It goes on by itself at the given time. `tds quota` says who spent them, `limits.perDay` is the allowance; fewer or slower schedules use less.' },
  'connection.quota_reserved': { meaning: 'What is left of the calls of the day is kept for webhooks, persons and repairs (`limits.reserve`), so bulk work waits.', cure: 'It goes on by itself at the given time. `tds quota` says who spent the calls; fewer or slower schedules use less.' },
  'connection.closed': { meaning: 'The process is stopping.', cure: 'Nothing; the work goes on after the next start.' },
  'token.too_many_refreshes': { meaning: 'So many access tokens were asked for in ten minutes that the service would lock the account out.', cure: 'It goes on by itself. See whether another program uses the same credentials.' },
  'token.refresh_timeout': { meaning: 'Getting a new access token took too long.', cure: 'TDS tries again by itself. If it lasts, check the address of the accounts server.' },
} as const;

/** A code of the table above. */
export type ConnectionCode = keyof typeof connectionCodes;

/** What a person can do about it, for the `suggestion` of an error. */
export function cureOf(code: ConnectionCode): string {
  return connectionCodes[code].cure;
}
