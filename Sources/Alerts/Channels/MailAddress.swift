import Foundation

/// Whom mail goes to or comes from: `ops@example.com`, or `The depot <ops@example.com>` (RFC 5322, section 3.4).
package struct MailAddress: Sendable, Equatable {
    /// How a person is called; nil where that is not told.
    package var name: String?
    /// `local@domain`, in ASCII.
    package var address: String

    /// Nil where the text is no address, or one of several.
    package init?(_ text: String) {
        var address = text.trimmingCharacters(in: .whitespaces)
        var name: String?
        if address.hasSuffix(">"), let start = address.lastIndex(of: "<") {
            let called = address[..<start].trimmingCharacters(in: CharacterSet(charactersIn: "\" \t"))
            name = called.isEmpty ? nil : called
            address = String(address[address.index(after: start)...].dropLast())
        }
        guard address.utf8.count <= 254, (name ?? "").count <= 200, name == name?.oneLine,
            address.wholeMatch(of: #/[A-Za-z0-9.!#$%&'*+\/=?^_`{|}~\-]+@[A-Za-z0-9.\-]*[A-Za-z0-9]/#) != nil
        else { return nil }
        (self.name, self.address) = (name, address)
    }

    /// `daybook` on this machine.
    package static let local: MailAddress = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return MailAddress("daybook@\(host)") ?? MailAddress("daybook@localhost")!
    }()

    var domain: Substring { address[address.lastIndex(of: "@")!...].dropFirst() }
}
