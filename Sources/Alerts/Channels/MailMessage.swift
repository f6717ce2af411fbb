import Events
import Foundation

/// A notification as a message of mail (RFC 5322), as text and as HTML; all lines end with CRLF.
struct MailMessage {
    let notification: Notification
    let from: MailAddress
    let to: [MailAddress]
    var cc: [MailAddress] = []
    let date: Date

    var bytes: [UInt8] { Array(head.utf8) + body }

    private static let longestSubject = 200

    /// The same for every attempt to send it: what comes twice is shown once.
    private var messageID: String { identity("message", [notification.idempotencyKey]) }
    /// All mail about a rule is one conversation.
    private var threadID: String { identity("rule", [notification.project, notification.rule]) }
    /// Never in a body: there an equals sign stands before two digits or at the end of a line.
    private var boundary: String { "=_\(hash([notification.idempotencyKey]))" }

    private var head: String {
        let subject = "[\(notification.project)] \(notification.headline)".oneLine
        return MailHeader.plain("Date", MailMessage.dateText(date))
            + MailHeader.addresses("From", [from])
            + MailHeader.addresses("To", to)
            + (cc.isEmpty ? "" : MailHeader.addresses("Cc", cc))
            + MailHeader.text("Subject", subject.cut(to: MailMessage.longestSubject))
            + MailHeader.plain("Message-ID", messageID)
            + MailHeader.plain("In-Reply-To", threadID)
            + MailHeader.plain("References", threadID)
            + MailHeader.plain("Auto-Submitted", "auto-generated")
            + MailHeader.text("X-Daybook-Idempotency-Key", notification.idempotencyKey)
            + MailHeader.plain("MIME-Version", "1.0")
            + MailHeader.plain("Content-Type", "multipart/alternative; boundary=\"\(boundary)\"")
            + "\r\n"
    }

    private var body: [UInt8] {
        var bytes: [UInt8] = []
        for (type, text) in [("plain", MailText(notification).text), ("html", MailHTML(notification).text)] {
            bytes += Array("--\(boundary)\r\n".utf8)
            bytes += Array(MailHeader.plain("Content-Type", "text/\(type); charset=utf-8").utf8)
            bytes += Array(MailHeader.plain("Content-Transfer-Encoding", "quoted-printable").utf8)
            bytes += Array("\r\n".utf8) + QuotedPrintable.encoded(text)
        }
        return bytes + Array("--\(boundary)--\r\n".utf8)
    }

    private func identity(_ kind: String, _ parts: [String]) -> String {
        "<daybook.\(hash([kind] + parts))@\(from.domain)>"
    }

    private func hash(_ parts: [String]) -> String {
        SHA256.hex(Array(parts.joined(separator: "\u{0}").utf8), prefix: 12)
    }

    private static func dateText(_ date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
        return formatter.string(from: date)
    }
}
