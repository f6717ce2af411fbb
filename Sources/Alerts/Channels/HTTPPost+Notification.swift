import Extract
import Foundation

extension HTTPPost {
    /// Posts a message as JSON. `Idempotency-Key` is the same on every attempt.
    func deliver(_ message: some Encodable, of notification: Notification) throws(ChannelError) {
        let body = try channelJSON(message)
        let key = notification.idempotencyKey
        let isPlain = key.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        let headers = [
            HTTPHeader("Content-Type", "application/json"),
            HTTPHeader("Idempotency-Key", isPlain ? key : key.percentEncoded),
        ]
        do {
            try send(body, headers: headers)
        } catch {
            throw ChannelError(error)
        }
    }
}

/// JSON in which keys are in order, for programs to read and people to compare.
func channelJSON(_ message: some Encodable) throws(ChannelError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    do {
        return String(decoding: try encoder.encode(message), as: UTF8.self)
    } catch {
        throw ChannelError("the message cannot be written as JSON: \(error.localizedDescription)")
    }
}

extension ChannelError {
    /// In a line.
    init(_ error: ExtractError) {
        let words = error.description.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        self.init(words.oneLine)
    }
}
