/** Alerts by e-mail, over SMTP. */
import { createTransport } from 'nodemailer';
import { AccessDeniedError, PermanentError, RetryLaterError, SDK_VERSION, defineNotifier, messageText, plainText, type AlertMessage } from 'tds/sdk';
import { cutTo } from '../_notify/answers.ts';
import { cureOf } from '../_notify/codes.ts';

interface EmailSettings { host: string; port: number; tls: 'starttls' | 'always' | 'never'; user: string; password: string; from: string; to: string[] }

/** A subject is one line; mail programs show less than this. */
const subjectLimit = 200;
const patience = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, dnsTimeout: 10_000 };

export default defineNotifier<EmailSettings>({
  id: 'email',
  version: '1.0.0',
  sdk: SDK_VERSION,
  kind: 'notifier',
  description: 'Alerts and reports by e-mail, over SMTP.',
  configSchema: {
    type: 'object',
    title: 'E-mail',
    additionalProperties: false,
    required: ['host', 'from', 'to'],
    properties: {
      host: { type: 'string', minLength: 1, maxLength: 255, description: 'The mail server.', examples: ['smtp.example.com'] },
      port: { type: 'integer', minimum: 1, maximum: 65_535, default: 587, description: 'Its port: 587 for `starttls`, 465 for `always`, 25 inside a house.' },
      tls: { type: 'string', enum: ['starttls', 'always', 'never'], default: 'starttls', description: '`starttls` insists on it after the greeting, `always` speaks TLS from the first byte, `never` sends all in the clear.' },
      user: { type: 'string', default: '', maxLength: 255, description: 'Who signs in. Empty: nobody does.' },
      password: { type: 'string', default: '', writeOnly: true, description: 'Its password.', examples: ['${SMTP_PASSWORD}'] },
      from: { type: 'string', minLength: 3, maxLength: 255, description: 'The sender.', examples: ['TDS <tds@example.com>'] },
      to: { type: 'array', shorthand: 'list', minItems: 1, maxItems: 50, items: { type: 'string', minLength: 3, maxLength: 255 }, description: 'Who gets it.', examples: [['ops@example.com']] },
    },
  },
  create({ settings: { host, port, tls, user, password, from, to } }) {
    const transport = createTransport({
      host, port, secure: tls === 'always', requireTLS: tls === 'starttls', ignoreTLS: tls === 'never', ...(user === '' ? {} : { auth: { user, pass: password } }), ...patience,
      // texts come from records: they must name no file and no address that would be fetched
      disableFileAccess: true, disableUrlAccess: true,
    });
    let closing = false;
    return {
      async send(message, signal) {
        signal.throwIfAborted();
        try {
          await transport.sendMail(mailOf(message, from, to));
        } catch (error) {
          throw meaningOf(error);
        }
      },
      async close() {
        if (!closing) transport.close();
        closing = true;
      },
    };
  },
});

function mailOf(message: AlertMessage, from: string, to: string[]): Parameters<ReturnType<typeof createTransport>['sendMail']>[0] {
  return {
    from, to, subject: cutTo(messageText(message).title, subjectLimit), text: plainText(message, 50), ...(message.document ? { html: message.document.html } : {}),
    // the same at each attempt, so that a mail program shows a repeated delivery once
    messageId: `<${message.id}@tds.invalid>`, headers: { 'Auto-Submitted': 'auto-generated', 'X-TDS-Rule': message.rule, 'X-TDS-Kind': message.kind },
    ...(message.severity === 'critical' && message.kind !== 'resolved' ? { priority: 'high' as const } : {}),
  };
}

/** SMTP's own words: 4xx for later, 5xx for never. Of a sign-in too: 454 says that it can't be checked just now. */
function meaningOf(error: unknown): Error {
  const { code, responseCode, message } = error as { code?: string; responseCode?: number; message: string };
  const text = `the mail server: ${message}`;
  const isLater = responseCode !== undefined && responseCode >= 400 && responseCode < 500;
  if (code === 'EAUTH' && !isLater) return new AccessDeniedError('notify.denied', text, { cause: error, suggestion: cureOf('notify.denied') });
  if (responseCode !== undefined && responseCode >= 500) return new PermanentError('notify.refused', text, { cause: error, suggestion: cureOf('notify.refused') });
  return new RetryLaterError('notify.unreachable', text, { cause: error, suggestion: cureOf('notify.unreachable') });
}
