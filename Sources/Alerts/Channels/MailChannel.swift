import Extract
import Foundation

/// Mail, handed to a program that takes messages as sendmail does.
package struct MailChannel: Channel {
    package static let kind = "mail"

    package var to: [MailAddress]
    package var from: MailAddress
    package var cc: [MailAddress]
    /// Reads a message, and in its head for whom it is.
    package var call: ProgramCall

    package init(
        to: [MailAddress], from: MailAddress = .local, cc: [MailAddress] = [], call: ProgramCall
    ) {
        (self.to, self.from, self.cc, self.call) = (to, from, cc, call)
    }

    /// The sendmail of this machine; its usual place is in few people's PATH.
    package static func sendmail(directory: String) -> ProgramCall {
        let usual = "/usr/sbin/sendmail"
        let path = ProgramCall.isInstalled(usual) ? usual : "sendmail"
        return ProgramCall([path, "-t", "-i"], directory: directory)
    }

    package func send(_ notification: Notification) throws(ChannelError) {
        let message = MailMessage(notification: notification, from: from, to: to, cc: cc, date: Date())
        do {
            try call.run(input: message.bytes)
        } catch {
            throw ChannelError(error)
        }
    }
}
