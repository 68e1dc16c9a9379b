#!/usr/bin/env escript
%% Asks RabbitMQ's own codec about methods.hex: every frame must be read, and written again as the same bytes. Prints what
%% RabbitMQ read, for a human to compare. Run where RabbitMQ is installed:
%%   escript verify.escript /usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins/rabbit_common-*/ebin methods.hex
main([Ebin, File]) ->
    true = code:add_patha(Ebin),
    {ok, Text} = file:read_file(File),
    Lines = [string:lexemes(L, " ") || L <- string:split(Text, "\n", all), L =/= <<>>, binary:first(L) =/= $#],
    Bad = lists:sum([check(Name, binary:decode_hex(Hex)) || [Name, Hex] <- Lines]),
    io:format("~p frames, ~p differ~n", [length(Lines), Bad]),
    halt(min(Bad, 1)).

check(Name, Frame) ->
    M = rabbit_framing_amqp_0_9_1,
    <<1, 258:16, Size:32, Payload:Size/binary, 16#CE>> = Frame,
    <<Class:16, Method:16, Fields/binary>> = Payload,
    Atom = M:lookup_method_name({Class, Method}),
    Record = M:decode_method_fields(Atom, Fields),
    Again = iolist_to_binary(rabbit_binary_generator:build_simple_method_frame(258, Record, M)),
    Spelled = re:replace(atom_to_list(Atom), "_", "-", [global, {return, binary}]),
    io:format("~s ~0p~n", [Name, Record]),
    case {Again, Spelled} of
        {Frame, Name} -> 0;
        _ -> io:format("  differs: ~s ~s~n", [Spelled, binary:encode_hex(Again)]), 1
    end.
