import Foundation

/// Signals as events on a queue, where more may be done than in a handler.
enum Signals {
    private static let queue = DispatchQueue(label: "daybook.signals")
    nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

    /// Does something whenever one of these comes, and says whether one of them came before.
    static func on(_ numbers: [Int32], _ body: @escaping @Sendable (_ isSecond: Bool) -> Void) {
        nonisolated(unsafe) var isSecond = false
        for number in numbers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                body(isSecond)
                isSecond = true
            }
            source.activate()
            sources.append(source)
        }
    }
}
