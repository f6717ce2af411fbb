/// Where messages go: an address, and how it wants to be spoken to.
package protocol Channel: Sendable {
    /// `mail`, `webhook`, `slack` or `command`.
    static var kind: String { get }

    /// Hands a message over; returns once it has been taken.
    ///
    /// - Throws: `ChannelError` where it was not, with no secret in it; the outbox tries again.
    func send(_ notification: Notification) throws(ChannelError)
}

/// Why a channel did not take a message, in words without secrets.
package struct ChannelError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
