import Foundation
import Fuzz
import Testing

/// Inputs that once broke a property, and those that fuzzing starts from: what must hold does, cut at each byte.
@Suite(.serialized) struct FuzzFindsTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/inputs").path

    @Test(arguments: try FuzzInputs.read(folder))
    func holdsWhatMustHold(input: FuzzInputs.Input) throws {
        try ParserProperties.check(input.bytes, cuttingEverywhere: true)
    }
}
