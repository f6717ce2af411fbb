import Extract

/// A server that takes what Alertmanager posts to its webhooks.
package struct WebhookChannel: Channel {
    package static let kind = "webhook"
    package let post: HTTPPost

    package init(_ post: HTTPPost) { self.post = post }

    package func send(_ notification: Notification) throws(ChannelError) {
        try post.deliver(AlertmanagerMessage(notification), of: notification)
    }
}
