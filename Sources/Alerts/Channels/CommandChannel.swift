import Extract

/// A program that gets each message as JSON on its stdin, and takes it by ending with exit code 0.
package struct CommandChannel: Channel {
    package static let kind = "command"
    package let call: ProgramCall

    package init(_ call: ProgramCall) { self.call = call }

    package func send(_ notification: Notification) throws(ChannelError) {
        let text = try channelJSON(notification)
        do {
            try call.run(input: Array(text.utf8) + [UInt8(ascii: "\n")])
        } catch {
            throw ChannelError(error)
        }
    }
}
