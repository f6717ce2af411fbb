import Extract

/// An incoming webhook of Slack, or of what speaks like it.
package struct SlackChannel: Channel {
    package static let kind = "slack"
    package let post: HTTPPost

    package init(_ post: HTTPPost) { self.post = post }

    package func send(_ notification: Notification) throws(ChannelError) {
        try post.deliver(SlackMessage(notification), of: notification)
    }
}
